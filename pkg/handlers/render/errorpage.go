package render

import (
	"bytes"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// An ErrorPage is a template that is shown for errors. It sees what it is given and
// nothing of the request.
type ErrorPage struct{ page, layout *page }

// CompileErrorPage checks the page of an error, which sees names. file and layout are where
// the manifest names them; layout may be nil. It is nil when there was a problem.
func CompileErrorPage(e *pipeline.Env, ps *diag.Problems, file, layout *source.Node, names map[string]expr.Type) *ErrorPage {
	l := libraryOf(e)
	k := &known{names: names, at: file.At, problems: ps, hint: seesOnly}
	out := &ErrorPage{page: l.named(ps, file)}
	if out.page == nil {
		return nil
	}
	out.page.check(k, newUsage())
	if layout == nil {
		return out
	}
	if out.layout = l.named(ps, layout); out.layout == nil {
		return nil
	}
	within := map[string]expr.Type{innerContent: expr.String}
	for name, t := range names {
		within[name] = t
	}
	out.layout.check(&known{names: within, at: layout.At, problems: ps, hint: seesOnly}, newUsage())
	return out
}

func seesOnly(string) string {
	return "the page of an error sees errors, message, reason, request_id, status and title"
}

// named loads the page that a scalar names.
func (l *library) named(ps *diag.Problems, n *source.Node) *page {
	var f File
	f.decode(&spec.Decoder{Problems: ps}, n)
	if f.name == "" {
		return nil
	}
	if p := l.load(ps, f); p.set != nil {
		return p
	}
	return nil
}

// Make appends the page. data is changed.
func (p *ErrorPage) Make(dst []byte, data map[string]any) ([]byte, error) {
	buffer := bytes.NewBuffer(dst)
	if err := within(buffer, data, p.page, p.layout); err != nil {
		return dst, err
	}
	return buffer.Bytes(), nil
}
