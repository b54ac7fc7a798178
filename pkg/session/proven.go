package session

import (
	"maps"
	"net/http"
	"time"
)

// Proven reads the session that a request carries, if shown is the text of its CSRF token as
// a page of ours showed it; otherwise it gives nil. What is given is the caller's own, without
// what is kept there for the gateway itself.
//
// It is for what a page of another site can begin too, such as a websocket, which carries the
// cookies of its user and is not bound by CORS.
func (c *Cookie) Proven(r *http.Request, shown string, now time.Time) map[string]any {
	found, err := r.Cookie(c.key)
	if err != nil {
		return nil // there is none
	}
	o, why := c.open(found.Value, now)
	if why != "" || !shows(shown, tokenIn(o.values)) {
		return nil
	}
	maps.DeleteFunc(o.values, func(name string, _ any) bool { return Reserved(name) })
	return o.values
}
