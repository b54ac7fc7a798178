package batch

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// path fills the references in a path: each is one segment, or a piece of the query.
func (r *run) path(text string) (string, error) {
	escape := url.PathEscape
	return r.text(text, func(before, filled string) string {
		if strings.Contains(before, "?") {
			escape = url.QueryEscape
		}
		return escape(filled)
	})
}

// filled fills the references in a value. A text that is one reference takes the value's
// own type.
func (r *run) filled(v any) (any, error) {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "${") && strings.IndexByte(v, '}') == len(v)-1 {
			return r.lookup(v[2 : len(v)-1])
		}
		return r.text(v, func(_, filled string) string { return filled })
	case []any:
		for i := range v {
			var err error
			if v[i], err = r.filled(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			var err error
			if v[key], err = r.filled(v[key]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// text fills the references within a text; $${ is ${.
func (r *run) text(text string, put func(before, filled string) string) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), nil
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i] + "{")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		name, after, closed := strings.Cut(text[i+2:], "}")
		if !closed {
			return "", malformed("a reference does not end", rows.Clip(text[i:]))
		}
		v, err := r.lookup(name)
		if err != nil {
			return "", err
		}
		if v == nil {
			return "", malformed("${"+rows.Clip(name)+"} is null, which no text can hold", "")
		}
		filled, err := value.AppendText(nil, v)
		if err != nil {
			return "", malformed("${"+rows.Clip(name)+"} is "+value.Describe(v)+", which no text can hold", "")
		}
		b.WriteString(put(b.String(), string(filled)))
		text = after
	}
}

// lookup finds what a reference names, and bounds what all of them bring in.
func (r *run) lookup(reference string) (any, error) {
	v, err := r.named(reference)
	if err != nil {
		return nil, err
	}
	size, err := value.AppendJSON(r.measure[:0], v)
	r.measure = size
	if r.filledIn += len(size); r.filledIn > maxAnswer {
		return nil, pipeline.Refuse(http.StatusRequestEntityTooLarge, "too_large", "the references bring in more than %d bytes", maxAnswer)
	}
	return v, err
}

// named follows a reference: a step, then a field or the place in a list, and so on.
func (r *run) named(reference string) (any, error) {
	name, rest, deeper := strings.Cut(strings.TrimSpace(reference), ".")
	v, known := r.results[name]
	if !known {
		return nil, malformed("there is no step called "+rows.Clip(name)+" before this one", "")
	}
	for deeper {
		name, rest, deeper = strings.Cut(rest, ".")
		found := false
		switch at := v.(type) {
		case map[string]any:
			v, found = at[name]
		case []any:
			if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(at) {
				v, found = at[i], true
			}
		}
		if !found {
			return nil, malformed("${"+rows.Clip(reference)+"} is not in the answer of that step", "")
		}
	}
	return v, nil
}
