package resource

import (
	"maps"
	"slices"

	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/store"
)

// listens tells a write of which a trigger may choose the answer. A page has its own, and so has
// a batch.
func (w *write) listens() bool {
	return w.chooses != nil && !w.browser(w.c) && !w.c.InTransaction()
}

// hear takes what a trigger has chosen.
func (w *write) hear(q store.Querier) (err error) {
	if w.listens() {
		w.heard, err = rows.Ask(w.c.Context(), q, w.chooses)
	}
	return err
}

// heeds gives the answer the headers that a trigger has chosen, and tells the status.
func (w *write) heeds(status int) int {
	maps.Copy(w.c.W.Header(), w.heard.Headers)
	if w.heard.Status != 0 {
		return w.heard.Status
	}
	return status
}

// repeated lists the headers that a repeat of the answer gets too.
func (w *write) repeated() []string {
	return append(slices.Collect(maps.Keys(w.heard.Headers)), "Location", "Content-Range", "Preference-Applied")
}
