package changeset

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

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

	// Those of our own, where Ecto leaves a field out silently.
	NotAField     = "is not a field"
	NotSettable   = "cannot be set"
	NotChangeable = "cannot be changed"
)

// check says what is wrong with a cast value that is not nil; "" when nothing is.
func (f *Field) check(v any) string {
	if message := f.checkLength(v); message != "" {
		return message
	}
	if message := f.checkNumber(v); message != "" {
		return message
	}
	if s, ok := v.(string); ok && f.format != "" && !hasFormat(f.format, s) {
		return BadFormat
	}
	return ""
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
