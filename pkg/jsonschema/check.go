package jsonschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	js "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/openmanifest/gateway/pkg/value"
)

// An Invalid says what is wrong, by field; a field inside another is named a.b.
type Invalid struct{ Errors map[string][]string }

// Error implements error.
func (e *Invalid) Error() string { return fmt.Sprintf("%d fields are not valid", len(e.Errors)) }

// Check checks an object and gives its declared members. Members that textual reports came
// as text, from a form or a path, and are read as the schema's type where that is no text.
// Properties that are not there are nil, or the schema's default.
func (s *Schema) Check(given map[string]any, textual func(name string) bool) (map[string]any, error) {
	root := view{s.root}
	cast := make(map[string]any, len(given))
	for name, v := range given {
		if textual(name) {
			of, _ := s.member(root, name)
			v = s.cast(of, v)
		}
		cast[name] = v
	}
	errs := map[string][]string{}
	err := s.check.Validate(plain(cast, "", errs))
	var invalid *js.ValidationError
	switch {
	case errors.As(err, &invalid):
		collect(invalid, errs)
	case err != nil:
		return nil, err
	}
	if len(errs) > 0 {
		return nil, &Invalid{errs}
	}
	kept, _ := s.keep(root, cast).(map[string]any)
	for _, name := range s.Names() {
		if _, there := kept[name]; !there {
			kept[name] = domain(s.defaultOf(name))
		}
	}
	return kept, nil
}

// cast reads texts as what the schema wants.
func (s *Schema) cast(of view, v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for name, e := range x {
			inner, _ := s.member(of, name)
			out[name] = s.cast(inner, e)
		}
		return out
	case []any:
		inner := s.entry(of)
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = s.cast(inner, e)
		}
		return out
	case string:
		return castText(of.kinds(), x)
	}
	return v
}

func castText(k kinds, text string) any {
	switch {
	case k.text || !k.any:
		return text
	case k.boolean && (text == "true" || text == "false"):
		return text == "true"
	}
	if k.whole || k.number {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	if k.number && json.Valid([]byte(text)) && strings.Trim(text, "0123456789+-.eE") == "" {
		return value.ParseNumber(text, false)
	}
	return text
}

// keep leaves out what the schema does not declare.
func (s *Schema) keep(of view, v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for name, e := range x {
			if inner, declared := s.member(of, name); declared {
				out[name] = s.keep(inner, e)
			}
		}
		return out
	case []any:
		inner := s.entry(of)
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = s.keep(inner, e)
		}
		return out
	}
	return v
}

// plain is a value as the checker knows it. What it cannot take is noted in errs.
func plain(v any, at string, errs map[string][]string) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for name, e := range x {
			out[name] = plain(e, join(at, name), errs)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = plain(e, join(at, strconv.Itoa(i)), errs)
		}
		return out
	case value.Number:
		if !bearable(string(x)) {
			note(errs, at, "is invalid")
			return nil
		}
		return json.Number(x)
	case value.Object:
		return plain(value.Plain(x), at, errs)
	}
	return v
}

// bearable tells numbers that can be computed with in exact fractions at little cost.
func bearable(number string) bool {
	_, exponent, found := strings.Cut(strings.ToLower(number), "e")
	n, err := strconv.Atoi(exponent)
	return len(number) <= 1000 && (!found || err == nil && n >= -1000 && n <= 1000)
}

// domain takes a value of the schema's own text into the values of expressions.
func domain(v any) any {
	switch x := v.(type) {
	case json.Number:
		return value.ParseNumber(string(x), !strings.ContainsAny(string(x), ".eE"))
	case map[string]any:
		out := make(map[string]any, len(x))
		for name, e := range x {
			out[name] = domain(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = domain(e)
		}
		return out
	}
	return v
}

// Bounds on what is said back.
const (
	maxErrors = 100
	maxName   = 100
)

func join(at, name string) string {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	if at == "" {
		return name
	}
	return at + "." + name
}

func note(errs map[string][]string, at, text string) {
	if at == "" {
		at = "_"
	}
	if _, there := errs[at]; !there && len(errs) >= maxErrors {
		return
	}
	for _, have := range errs[at] {
		if have == text {
			return
		}
	}
	errs[at] = append(errs[at], text)
}

// collect notes what is wrong, by field. Of several ways that all do not fit no one knows
// which was meant, so that they are one error.
func collect(e *js.ValidationError, errs map[string][]string) {
	at := ""
	for _, p := range e.InstanceLocation {
		at = join(at, p)
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.Not, *kind.Contains:
		note(errs, at, "is invalid")
	case *kind.Required:
		for _, name := range k.Missing {
			note(errs, join(at, name), "can't be blank")
		}
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			note(errs, join(at, name), "can't be blank")
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			note(errs, join(at, name), "is not a known field")
		}
	default:
		if len(e.Causes) > 0 {
			for _, cause := range e.Causes {
				collect(cause, errs)
			}
			return
		}
		note(errs, at, text(e))
	}
}

// text says it in the words of a schema's own validations where there are any.
func text(e *js.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Type, *kind.Enum, *kind.Const, *kind.InvalidJsonValue, *kind.FalseSchema, *kind.RefCycle:
		return "is invalid"
	case *kind.Format, *kind.Pattern, *kind.PropertyNames:
		return "has invalid format"
	case *kind.MinLength:
		return fmt.Sprintf("should be at least %d character(s)", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("should be at most %d character(s)", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("should have at least %d item(s)", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("should have at most %d item(s)", k.Want)
	case *kind.Minimum:
		return "must be greater than or equal to " + number(k.Want)
	case *kind.Maximum:
		return "must be less than or equal to " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be greater than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + number(k.Want)
	}
	return e.BasicOutput().Error.String() // without causes it has one
}

func number(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}
