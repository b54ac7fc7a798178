package who

import (
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// describe tells documents where a plug looks for what it asks for. A token in a payload has
// no place in a request.
func describe(b *pipeline.Build, from []source) {
	var schemes []openapi.Scheme
	in := func(place, name string) {
		schemes = append(schemes, openapi.Scheme{Type: "apiKey", In: place, Name: name})
	}
	for _, s := range from {
		switch s.kind {
		case bearer:
			schemes = append(schemes, openapi.Scheme{Type: "http", Scheme: "bearer"})
		case header, cookie:
			in(s.kind, s.name)
		case param:
			in("query", s.name)
		case session:
			in("cookie", b.Env.Manifest.SessionKey())
		}
	}
	openapi.Of(b.Env).Asks(b.At, schemes...)
}
