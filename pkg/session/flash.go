package session

import (
	"maps"
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// flash is what Phoenix.Controller.fetch_flash keeps.
type flash struct {
	fetched  bool
	had      bool           // the session held messages
	messages map[string]any // those of the session and those put now; the value of `flash`
}

// FetchFlash takes the messages that an earlier request left, and binds them as `flash`.
// After the answer they are gone, unless it is a redirect: then all of them, with those put
// meanwhile, wait for the next request.
func (s *Session) FetchFlash() {
	if s.flash.fetched {
		return
	}
	s.flash.fetched = true
	s.load()
	kept, had := s.values[flashKey]
	messages, _ := kept.(map[string]any)
	// A copy: what is put must not change the session where the answer is no redirect.
	s.flash.had, s.flash.messages = had, maps.Clone(messages)
	if s.flash.messages == nil {
		s.flash.messages = map[string]any{}
	}
	s.c.Slots[pipeline.SlotFlash] = s.flash.messages
	s.c.BeforeSend(keepFlash)
}

// PutFlash leaves messages, for this answer and, if it is a redirect, for the next. It
// fails, and then changes nothing, when no cookie could carry them.
func (s *Session) PutFlash(messages map[string]any) error {
	s.FetchFlash()
	before := maps.Clone(s.flash.messages)
	maps.Copy(s.flash.messages, messages)
	s.ready = ""
	if _, err := s.header(); err != nil {
		clear(s.flash.messages)
		maps.Copy(s.flash.messages, before)
		return err
	}
	return nil
}

// keepFlash decides what becomes of the messages when the status is known.
func keepFlash(c *pipeline.Context, status int) {
	s := Of(c)
	if s == nil {
		return
	}
	switch {
	case len(s.flash.messages) > 0 && status >= http.StatusMultipleChoices && status <= http.StatusPermanentRedirect:
		if s.values == nil {
			s.values = map[string]any{}
		}
		s.values[flashKey] = s.flash.messages
		s.changed, s.ready = true, ""
	case s.flash.had:
		s.Delete(flashKey)
	}
}
