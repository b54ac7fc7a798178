package pipeline

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
)

// wayOut is the hint for an error of an expression that only its surroundings explain.
func (b *Build) wayOut(n *source.Node, e expr.Error) string {
	switch {
	case e.Code == unknownName && b.Place == 0:
		return "the names here are " + diag.OneOf(b.scope().Names())
	case e.Code == unknownName:
		return definedBy(n.Value[e.Start:e.End])
	case e.Code == "syntax" && !n.Quoted && strings.HasPrefix(b.Env.behind(n), " #"):
		return "a # after a blank begins a comment in YAML: put quotes around the value"
	}
	return ""
}

// behind is what stands behind a scalar on its line.
func (e *Env) behind(n *source.Node) string {
	if n.At.EndColumn == 0 || e.Manifest.Document == nil {
		return ""
	}
	for _, f := range e.Manifest.Document.Files {
		if f.Name != n.At.File {
			continue
		}
		lines := strings.Split(f.Text, "\n")
		if n.At.Line > len(lines) {
			return ""
		}
		line := []rune(lines[n.At.Line-1])
		return string(line[min(len(line), n.At.EndColumn-1):])
	}
	return ""
}

// definedBy says what would make a name visible.
func definedBy(name string) string {
	switch name {
	case "params":
		return "it is known once a route has matched: in pipelines and routes"
	case "request":
		return "it is known in HTTP and in `connect`; bind there what a channel needs"
	case "topic", "event", "payload":
		return "it is known in the lists of a channel only"
	case "socket":
		return "it is known in `connect` and in the lists of a channel only"
	case "format":
		return "`accepts` before it binds this name"
	case "session", "flash":
		return "`fetch_" + name + "` before it binds this name"
	case "csrf_token":
		return "`protect_from_forgery` before it binds this name"
	case "csp_nonce":
		return "`csp` before it, with nonce among its sources, binds this name"
	case "claims":
		return "`verify_token` with `as: claims` before it binds this name"
	case "failure":
		return "it is known in the `else` of a plug only"
	case "record", "changes":
		return "it is known in the rules of `resources` only"
	}
	return "bind it before, with `as: " + name + "` on a plug or with `assign`"
}
