package changeset

import (
	"cmp"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// Messages by field: Ecto's words.
const (
	CantBeBlank  = "can't be blank"
	IsInvalid    = "is invalid"
	BadFormat    = "has invalid format"
	Taken        = "has already been taken"
	DoesNotExist = "does not exist"
	StillUsed    = "is still associated with this entry"
	Reserved     = "is reserved"

	MustBeAccepted = "must be accepted"
	NotConfirmed   = "does not match confirmation"
	BadEntry       = "has an invalid entry"

	// Those of our own, where Ecto leaves a field out silently.
	NotAField     = "is not a field"
	NotSettable   = "cannot be set"
	NotChangeable = "cannot be changed"
)

// Says is what is said of the field where a rule is broken: the manifest's message, or the
// rule's own.
func (f *Field) Says(r config.Rule, own string) string { return cmp.Or(f.messages[r], own) }

// broken says what is wrong with a cast value that is not nil; "" when nothing is.
func (f *Field) broken(v any) string {
	text, isText := v.(string)
	if message := f.checkLength(v); message != "" {
		return f.Says(config.RuleLength, message)
	}
	if message := f.checkNumber(v); message != "" {
		return f.Says(config.RuleNumber, message)
	}
	switch {
	case isText && (f.format != "" && !hasFormat(f.format, text) || f.matches != nil && !f.matches.MatchString(text)):
		return f.Says(config.RuleFormat, BadFormat)
	case f.acceptance && v != true:
		return f.missing()
	}
	return f.checkListed(v)
}

// checkListed looks the value up among those that are let through and those that are not. Of
// an array all items must be (Ecto's validate_subset).
func (f *Field) checkListed(v any) string {
	items, isList := v.([]any)
	own := IsInvalid
	if isList {
		own = BadEntry
	} else {
		items = []any{v}
	}
	for _, item := range items {
		same := func(other any) bool { return equal(item, other) }
		if len(f.allowed) > 0 && !slices.ContainsFunc(f.allowed, same) {
			return f.Says(config.RuleValues, own)
		}
		if slices.ContainsFunc(f.denied, same) {
			return f.Says(config.RuleExcept, Reserved)
		}
	}
	return ""
}

// equal compares two cast values of one type.
func equal(a, b any) bool {
	if order, ok := value.CompareNumbers(a, b); ok {
		return order == 0
	}
	return reflect.DeepEqual(a, b)
}

// misfit is what is said of a value that is none of the field's type: of an enum, one that
// is not among its values.
func (f *Field) misfit() string {
	if f.Type == store.Enum {
		return f.Says(config.RuleValues, IsInvalid)
	}
	return IsInvalid
}

// suffix ends the key that repeats a field with `confirmation`, as in Ecto.
const suffix = "_confirmation"

// confirm lists the keys that repeat fields.
func (s *Set) confirm() {
	for i := range s.Fields {
		if f := &s.Fields[i]; f.confirmation && s.Index(f.Name+suffix) < 0 {
			s.confirms = append(s.confirms, f.Name+suffix)
		}
	}
}

// confirmed asks for the same value again where a client sent the field. What the manifest
// writes needs no repeating.
func (s *Set) confirmed(i int, in Input, c *Changes, bad *Invalid) {
	f := &s.Fields[i]
	if !f.confirmation || len(bad.Errors[f.Name]) > 0 {
		return
	}
	again, sent := in.Given[f.Name+suffix]
	if !sent && in.Keys == Trusted {
		return
	}
	cast, ok := f.Cast(again)
	if v, _ := c.Get(i); !ok || !equal(v, cast) {
		bad.Add(f.Name+suffix, f.Says(config.RuleConfirmation, NotConfirmed))
	}
}

// checkLength counts the characters of a text or the items of an array.
func (f *Field) checkLength(v any) string {
	if f.minLength == 0 && f.maxLength == 0 {
		return ""
	}
	n, verb, unit := 0, "be", "character(s)"
	switch x := v.(type) {
	case string:
		n = utf8.RuneCountInString(x)
	case []byte:
		n, unit = len(x), "byte(s)"
	case []any:
		n, verb, unit = len(x), "have", "item(s)"
	default:
		return ""
	}
	switch {
	case n < f.minLength && f.minLength == f.maxLength, f.maxLength > 0 && n > f.maxLength && f.minLength == f.maxLength:
		return fmt.Sprintf("should %s %d %s", verb, f.maxLength, unit)
	case n < f.minLength:
		return fmt.Sprintf("should %s at least %d %s", verb, f.minLength, unit)
	case f.maxLength > 0 && n > f.maxLength:
		return fmt.Sprintf("should %s at most %d %s", verb, f.maxLength, unit)
	}
	return ""
}

func (f *Field) checkNumber(v any) string {
	if f.min != nil {
		if order, ok := value.CompareNumbers(v, *f.min); ok && order < 0 {
			return "must be greater than or equal to " + formatBound(*f.min)
		}
	}
	if f.max != nil {
		if order, ok := value.CompareNumbers(v, *f.max); ok && order > 0 {
			return "must be less than or equal to " + formatBound(*f.max)
		}
	}
	if f.above != nil {
		if order, ok := value.CompareNumbers(v, *f.above); ok && order <= 0 {
			return "must be greater than " + formatBound(*f.above)
		}
	}
	if f.below != nil {
		if order, ok := value.CompareNumbers(v, *f.below); ok && order >= 0 {
			return "must be less than " + formatBound(*f.below)
		}
	}
	return ""
}

func formatBound(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func hasFormat(format, s string) bool {
	switch format {
	case "email":
		return isEmail(s)
	case "url":
		return isURL(s)
	case "uuid":
		return IsUUID(s)
	}
	return true
}

// isEmail asks what mix phx.gen.auth asks, ~r/^[^@,;\s]+@[^@,;\s]+$/: whether mail gets
// there only sending it can tell.
func isEmail(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	return ok && name != "" && domain != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r == ',' || r == ';' || r <= ' ' || r == 0x7f
	}) && !strings.Contains(domain, "@")
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && !strings.ContainsAny(s, " \t")
}
