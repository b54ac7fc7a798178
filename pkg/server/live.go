// Package server runs an application: its listener, the swap of one App for the next, the
// watching of files, and the end.
package server

import (
	"net/http"
	"sync/atomic"

	"github.com/openmanifest/gateway/pkg/app"
)

// Live is the App that new work uses. A swap is one atomic pointer; the old App closes
// when the last request that took it ends.
type Live struct{ current atomic.Pointer[app.App] }

// Acquire takes the current App for one run; give it back with Release.
func (l *Live) Acquire() *app.App {
	for {
		if a := l.current.Load(); a.Acquire() {
			return a
		}
	}
}

// Current tells which App new work uses, without taking it.
func (l *Live) Current() *app.App { return l.current.Load() }

// Swap makes next current and gives the one before, which the caller releases.
func (l *Live) Swap(next *app.App) (before *app.App) { return l.current.Swap(next) }

// ServeHTTP answers a request with the App that is current when it arrives.
func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := l.Acquire()
	defer a.Release()
	a.ServeHTTP(w, r)
}
