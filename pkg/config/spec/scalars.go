package spec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
)

// Scalar reads a scalar that must be known at load: as written, or by ${env.X} and
// ${file('p')}. from tells where the value came from when not from the manifest.
func (d *Decoder) Scalar(n *source.Node, want string) (v any, from []string, ok bool) {
	if n.Kind != source.Scalar {
		p := d.Problems.Add(n.At, "wrong-type", "expected %s, found a %s", want, kindName(n))
		if quoteMe(n) {
			p.Suggest("put quotes around the value: YAML reads an unquoted { or [ as a map or list")
		}
		return nil, nil, false
	}
	if !strings.Contains(n.Value, "${") {
		if n.Quoted {
			return n.Value, nil, true
		}
		return n.Scalar(), nil, true
	}
	return d.Load.LoadTime(n, d.Problems)
}

func kindName(n *source.Node) string {
	switch n.Kind {
	case source.Map:
		return "map"
	case source.List:
		return "list"
	}
	return "value"
}

// quoteMe tells a map or list that was meant as ${...} or as a condition.
func quoteMe(n *source.Node) bool {
	return n.Kind == source.Map && len(n.Entries) == 1 && (n.Entries[0].Key.Value == "$" || strings.HasPrefix(n.Entries[0].Key.Value, "${"))
}

// Wrong reports a value that does not fit. What came from outside is not shown.
func (d *Decoder) Wrong(n *source.Node, from []string, v any, want string) *diag.Problem {
	shown := fmt.Sprintf("%q", fmt.Sprint(v))
	switch {
	case len(from) > 0:
		shown = "the value of " + strings.Join(from, ", ")
	case v == nil:
		shown = "nothing"
	}
	return d.Problems.Add(n.At, "wrong-value", "expected %s, found %s", want, shown)
}

// text gives the scalar's text whatever YAML made of it; a number given for a string is
// meant as written.
func text(n *source.Node, from []string, v any) (string, bool) {
	if s, ok := v.(string); ok {
		return s, true
	}
	if v == nil || from == nil && n.Kind != source.Scalar {
		return "", false
	}
	if from == nil {
		return n.Value, true
	}
	return fmt.Sprint(v), true
}

// String binds a text.
func (f *Fields) String(p *string, name, def, doc string) *Field {
	*p = def
	x := f.Add(name, "text", doc, Schema{"type": Types("string", "number", "boolean")}, func(d *Decoder, n *source.Node) {
		v, from, ok := d.Scalar(n, "a text")
		if !ok {
			return
		}
		s, ok := text(n, from, v)
		if !ok {
			d.Wrong(n, from, v, "a text")
			return
		}
		*p = s
	})
	x.Default = def
	return x
}

// Bool binds true or false.
func (f *Fields) Bool(p *bool, name string, def bool, doc string) *Field {
	*p = def
	x := f.Add(name, "boolean", doc, OrExpression(Schema{"type": "boolean"}), func(d *Decoder, n *source.Node) {
		v, from, ok := d.Scalar(n, "true or false")
		if !ok {
			return
		}
		if s, is := v.(string); is && len(from) > 0 {
			v = source.Resolve(s)
		}
		b, is := v.(bool)
		if !is {
			p := d.Wrong(n, from, v, "true or false")
			if meant, ok := meantBool(v); ok && len(from) == 0 {
				p.Suggest("write %t%s", meant, map[bool]string{true: ", without quotes"}[n.Quoted])
			}
			return
		}
		*p = b
	})
	x.Default = strconv.FormatBool(def)
	return x
}

// meantBool reads the words that other languages, and older versions of YAML, take for true
// and false.
func meantBool(v any) (meant, ok bool) {
	switch strings.ToLower(fmt.Sprint(v)) {
	case "true", "yes", "on", "y", "1":
		return true, true
	case "false", "no", "off", "n", "0":
		return false, true
	}
	return false, false
}

// Int binds a whole number from low to high.
func (f *Fields) Int(p *int, name string, def, low, high int, doc string) *Field {
	*p = def
	schema := Schema{"type": "integer", "minimum": low}
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	switch {
	case low == high:
		want = strconv.Itoa(low)
		schema["maximum"] = high
	case high < math.MaxInt32:
		schema["maximum"] = high
	default:
		want = fmt.Sprintf("a whole number of at least %d", low)
	}
	x := f.Add(name, "integer", doc, OrExpression(schema), func(d *Decoder, n *source.Node) {
		v, from, ok := d.Scalar(n, want)
		if !ok {
			return
		}
		if s, is := v.(string); is && len(from) > 0 {
			v = source.Resolve(s)
		}
		i, is := v.(int64)
		if !is || i < int64(low) || i > int64(high) {
			p := d.Wrong(n, from, v, want)
			if _, number := source.Resolve(n.Value).(int64); n.Quoted && number {
				p.Suggest("write %s, without quotes", n.Value)
			}
			return
		}
		*p = int(i)
	})
	x.Default = strconv.Itoa(def)
	return x
}

// unit binds a scalar that parse reads, such as a duration.
func unit[T any](f *Fields, p *T, name, def, doc, typ, pattern, want, hint string, parse func(string) (T, bool)) *Field {
	if v, ok := parse(def); ok {
		*p = v
	}
	schema := Schema{"type": "string", "pattern": pattern}
	x := f.Add(name, typ, doc, OrExpression(schema), func(d *Decoder, n *source.Node) {
		v, from, ok := d.Scalar(n, want)
		if !ok {
			return
		}
		s, ok := text(n, from, v)
		t, fits := parse(s)
		if !ok || !fits {
			d.Wrong(n, from, v, want).Suggest("%s", hint)
			return
		}
		*p = t
	})
	x.Default = def
	return x
}

// Duration binds a span of time: 500ms, 30s, 1h30m, 7d. A bare number is refused:
// Phoenix counts some in milliseconds, some in seconds. def may be "".
func (f *Fields) Duration(p *time.Duration, name, def, doc string) *Field {
	return unit(f, p, name, def, doc, "duration", DurationPattern, "a duration", "write a unit: 500ms, 30s, 15m, 24h, 7d or 1h30m", ParseDuration)
}

// Size binds a number of bytes: 512B, 64KB (1000), 1GiB (1024).
func (f *Fields) Size(p *int64, name, def, doc string) *Field {
	return unit(f, p, name, def, doc, "size", SizePattern, "a size", "write a unit: 512B, 64KB, 8MB or 1GiB (KB is 1000)", ParseSize)
}

// A Rate is a number of events in a span of time.
type Rate struct {
	Count int
	Per   time.Duration
}

// Rate binds a rate: 100/s, 1000/m, 10/h.
func (f *Fields) Rate(p *Rate, name, def, doc string) *Field {
	return unit(f, p, name, def, doc, "rate", RatePattern, "a rate", "write a number and a unit: 100/s, 1000/m or 10/h", ParseRate)
}

// Enum binds one of choices.
func (f *Fields) Enum(p *string, name, def, doc string, choices ...string) *Field {
	*p = def
	want := diag.OneOf(choices)
	x := f.Add(name, want, doc, Schema{"anyOf": []any{Schema{"enum": choices}, expressionText}}, func(d *Decoder, n *source.Node) {
		v, from, ok := d.Scalar(n, want)
		if !ok {
			return
		}
		s, _ := text(n, from, v)
		if !slices.Contains(choices, s) {
			d.Wrong(n, from, v, want).Hint = diag.DidYouMean(s, choices)
			return
		}
		*p = s
	})
	x.Default = def
	return x
}

// Strings binds a list of texts; one text may stand for a list of one.
func (f *Fields) Strings(p *[]string, name, doc string) *Field {
	one := Schema{"type": Types("string", "number", "boolean")}
	return f.Add(name, "list of texts", doc, Schema{"anyOf": []any{one, Schema{"type": "array", "items": one}}}, func(d *Decoder, n *source.Node) {
		*p = nil
		for _, item := range Items(n) {
			v, from, ok := d.Scalar(item, "a text")
			if !ok {
				continue
			}
			if s, ok := text(item, from, v); ok {
				*p = append(*p, s)
			} else {
				d.Wrong(item, from, v, "a text")
			}
		}
	})
}

// Items gives the entries of a list; where one entry stands alone it is the list.
func Items(n *source.Node) []*source.Node {
	if n.Kind == source.List {
		return n.Items
	}
	return []*source.Node{n}
}

// A Secret is a value that never appears in any output.
type Secret string

// String hides the secret from logs and messages.
func (Secret) String() string { return "[redacted]" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "[redacted]" }

// MarshalJSON hides the secret from dumps.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }

// Secret binds a text that is never shown; an empty one is an error.
func (f *Fields) Secret(p *Secret, name, doc string) *Field {
	return f.Add(name, "text", doc, Schema{"type": "string"}, func(d *Decoder, n *source.Node) {
		n.Secret = true
		v, from, ok := d.Scalar(n, "a secret")
		if !ok {
			return
		}
		s, is := text(n, from, v)
		if !is || s == "" {
			what := "`" + name + "`"
			if len(from) > 0 {
				what = "the value of " + strings.Join(from, ", ")
			}
			d.Problems.Add(n.At, "empty-secret", "%s is empty", what).Suggest("give it a value, or leave `%s` out", name)
			return
		}
		*p = Secret(s)
	})
}

// A Ref is the name of something declared elsewhere, and the place where it is named.
type Ref struct {
	Name string
	At   diag.Pos
}

// Refs binds a list of names; one may stand alone.
func (f *Fields) Refs(p *[]Ref, name, doc string) *Field {
	one := Schema{"type": "string"}
	return f.Add(name, "name or list of names", doc, OneOrMore(one), func(d *Decoder, n *source.Node) {
		*p = nil
		for _, item := range Items(n) {
			if item.Kind != source.Scalar || item.Value == "" {
				d.Problems.Add(item.At, "wrong-type", "expected a name, found a %s", kindName(item))
				continue
			}
			*p = append(*p, Ref{Name: item.Value, At: item.At})
		}
	})
}
