package respond

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// HTML answers with a piece of HTML. What is computed is escaped for the place where it
// stands, as html/template does it: as text, in an attribute, a URL or a script.
func HTML() *pipeline.Def {
	return pipeline.Define(answers("html", "Answers with HTML; computed values are escaped."), func(s *pipeline.Settings, o *textAnswer) {
		s.Whole(s.Text(&o.text, "html", "What is sent; for more than a line use `render`."))
	}, func(o textAnswer, b *pipeline.Build) pipeline.Plug {
		if text, constant := o.text.Constant(); constant {
			body := []byte(text)
			return func(c *pipeline.Context) (any, error) { return nil, c.Answer(http.StatusOK, pipeline.HTMLType, body) }
		}
		f, err := newFragment(o.text)
		if err != nil {
			b.Problems.Add(o.text.Node.At, "template", "%v", err).Suggest("close each tag, attribute, script and style")
			return nil
		}
		return f.answer
	})
}

// A fragment is a text as a template whose values are the elements of a list.
type fragment struct {
	text *pipeline.Text
	page *template.Template
}

// The delimiters of a fragment hold NUL, which HTML cannot: braces in it stay text.
const (
	opens  = "\x00{"
	closes = "}\x00"
)

func newFragment(t *pipeline.Text) (*fragment, error) {
	var b strings.Builder
	for i, p := range t.Parts() {
		if p.Expr == nil {
			b.WriteString(strings.ReplaceAll(p.Lit, "\x00", "\uFFFD"))
			continue
		}
		b.WriteString(opens + "index . " + strconv.Itoa(i) + closes)
	}
	page, err := template.New("html").Delims(opens, closes).Parse(b.String())
	if err != nil {
		return nil, err
	}
	// It is escaped when it first runs, and tells then what it cannot place.
	var fault *template.Error
	if err := page.Execute(&bytes.Buffer{}, make([]any, len(t.Parts()))); errors.As(err, &fault) {
		if fault.ErrorCode == template.ErrEndContext {
			return nil, errors.New("the HTML ends inside a tag, an attribute, a script or a style")
		}
		return nil, errors.New(fault.Description)
	}
	return &fragment{t, page}, nil
}

func (f *fragment) answer(c *pipeline.Context) (any, error) {
	values, err := f.values(c)
	if err != nil {
		return nil, err
	}
	buffer := bytes.NewBuffer(c.Scratch())
	if err = f.page.Execute(buffer, values); err == nil {
		err = c.Answer(http.StatusOK, pipeline.HTMLType, buffer.Bytes())
	}
	c.Lend(buffer.Bytes())
	return nil, err
}

// values computes what stands between the literal text. Numbers and booleans stay what
// they are, since a script shows the difference.
func (f *fragment) values(c *pipeline.Context) ([]any, error) {
	parts := f.text.Parts()
	values := make([]any, len(parts))
	for i, p := range parts {
		if p.Expr == nil {
			continue
		}
		v, err := p.Expr.Eval(c.Frame)
		if err != nil {
			return nil, err
		}
		text, err := value.AppendText(nil, v)
		if err != nil {
			return nil, p.Expr.Misfit(c.Frame, v, err)
		}
		switch v.(type) {
		case int64, bool:
			values[i] = v
		default:
			values[i] = string(text)
		}
	}
	return values, nil
}
