// Package browser has the plugs for pages: security headers, layouts, sessions.
package browser

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

const group = "browser"

// All lists the plugs.
func All() []*pipeline.Def {
	forgery := later("protect_from_forgery", "Refuses a request that another site made the browser send.")
	forgery.Guard = true
	forgery.Fails = []pipeline.Reason{{Name: "forbidden", Status: http.StatusForbidden}}
	return []*pipeline.Def{
		PutSecureBrowserHeaders(),
		PutRootLayout(),
		later("put_layout", "Names the layout that pages are put into, inside the root layout."),
		later("fetch_session", "Reads the session, and binds it as `session`.", "session"),
		later("put_session", "Sets a value of the session."),
		later("delete_session", "Removes a value of the session."),
		later("clear_session", "Removes all values of the session."),
		later("renew_session", "Gives the session a new identity."),
		later("fetch_flash", "Reads the messages for the next page, and binds them as `flash`.", "flash"),
		later("put_flash", "Leaves a message for the next page."),
		forgery,
		later("csp", "Sets a content security policy."),
	}
}

func later(name, doc string, binds ...string) *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP, Binds: binds})
}
