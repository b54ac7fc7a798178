// Package browser has the plugs for pages: sessions, messages, protection against forged
// requests, security headers, layouts.
package browser

import (
	"github.com/openmanifest/gateway/pkg/pipeline"
)

const group = "browser"

// All lists the plugs.
func All() []*pipeline.Def {
	return []*pipeline.Def{
		PutSecureBrowserHeaders(),
		PutRootLayout(),
		PutLayout(),
		FetchSession(),
		PutSession(),
		DeleteSession(),
		ClearSession(),
		RenewSession(),
		FetchFlash(),
		PutFlash(),
		ProtectFromForgery(),
		CSP(),
	}
}

func later(name, doc string, binds ...string) *pipeline.Def {
	return pipeline.Later(pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP, Binds: binds})
}
