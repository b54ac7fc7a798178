package messages

import (
	"errors"
	"fmt"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// checkTexts reports what is written where a text or a list of texts belongs.
func checkTexts(d *spec.Decoder, v *pipeline.Value, what string) {
	if v == nil {
		return
	}
	for _, n := range spec.Items(v.Node) {
		switch {
		case n.Kind != source.Scalar:
			d.Problems.Add(n.At, "wrong-type", "expected %s, a text", what)
		case n.Value == "":
			d.Problems.Add(n.At, "wrong-value", "%s is empty", what)
		}
	}
}

// collect appends a text, or the texts of a list. An empty one is an error: it would name
// something else than was meant. what names one of them.
func collect(dst []string, v any, what string) ([]string, error) {
	switch x := v.(type) {
	case string:
		if x == "" {
			return dst, errors.New(what + " is empty")
		}
		return append(dst, x), nil
	case []any:
		var err error
		for _, e := range x {
			if _, nested := e.([]any); nested {
				return dst, fmt.Errorf("%s: a list inside a list", what)
			}
			if dst, err = collect(dst, e, what); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	text, err := value.AppendText(nil, v)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", what, err)
	}
	return collect(dst, string(text), what)
}
