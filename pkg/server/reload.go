package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config/diag"
)

// Reload reads the manifest again and swaps it in. A manifest with faults changes nothing:
// the error is an *Invalid and says why.
func (s *Server) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reload(nil)
}

// askReload asks for a reload soon. One that is asked for already counts for this one too.
func (s *Server) askReload(reason string) {
	select {
	case s.asked <- reason:
	default:
	}
}

// reloadWhenAsked reloads when something within asks for it, until ctx ends.
func (s *Server) reloadWhenAsked(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case reason := <-s.asked:
			s.log.Info("reloading", "because", reason)
			_ = s.Reload() // it has been logged; the running manifest stays
		}
	}
}

// reload does it; changed names the files that did, where that is known.
func (s *Server) reload(changed []string) error {
	if err := s.Ready(); err != nil {
		return err
	}
	began := time.Now()
	loaded := app.Load(s.options.Path, s.options.Environment, s.deps)
	s.watched = s.watched.with(s.watchSet(loaded))
	if loaded.Failed() {
		s.tell(loaded)
		return &Invalid{loaded}
	}
	next := loaded.App
	if err := next.Open(&s.shared); err != nil {
		s.operations.failed()
		s.log.Error("reload failed, nothing has changed", "error", err)
		return err
	}
	take, err := s.settle(next)
	if err != nil {
		next.Release()
		s.operations.failed()
		s.log.Error("reload failed, nothing has changed", "error", err)
		return err
	}
	s.watched = s.watchSet(loaded)
	s.warn(loaded)
	before := s.live.Swap(next)
	s.join(next) // before the bus of the other is closed with it
	s.generation++
	take(s.generation, changed)
	s.log.Info("reloaded", "generation", s.generation, "changed", strings.Join(changed, " "), "routes", difference(before, next), "took", time.Since(began).Round(time.Microsecond).String())
	before.Release()
	return nil
}

// tell logs the faults of a manifest that was not swapped in.
func (s *Server) tell(l *app.Loaded) {
	s.operations.refused(l)
	var b strings.Builder
	diag.Text(&b, l.Problems, l.Source)
	s.log.Error("reload refused, the running manifest stays", "problems", len(l.Problems), "first", l.Problems[0].Error())
	if s.options.Report != nil {
		s.options.Report(b.String())
	}
}

// difference counts the routes that came, went and were edited.
func difference(before, after *app.App) string {
	old, now := fingerprints(before), fingerprints(after)
	added, gone, edited := 0, 0, 0
	for label, print := range now {
		was, had := old[label]
		switch {
		case !had:
			added++
		case was != print:
			edited++
		}
	}
	for label := range old {
		if _, has := now[label]; !has {
			gone++
		}
	}
	return fmt.Sprintf("%d (+%d -%d ~%d)", len(after.Routes), added, gone, edited)
}

func fingerprints(a *app.App) map[string]uint64 {
	out := make(map[string]uint64, len(a.Routes))
	for i := range a.Routes {
		out[a.Routes[i].Label()] = a.Routes[i].Fingerprint
	}
	return out
}
