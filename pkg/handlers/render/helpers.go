package render

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/value"
)

// strftime writes a time as Calendar.strftime of Elixir does. Nothing gives nothing.
func strftime(v any, format string) (string, error) {
	if v == nil {
		return "", nil
	}
	t, ok := timeOf(v)
	if !ok {
		return "", fmt.Errorf("strftime: %s is no time", value.Describe(v))
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		padded := true
		if format[i] == '-' && i+1 < len(format) {
			padded = false
			i++
		}
		text, ok := directive(t, format[i])
		if !ok {
			return "", fmt.Errorf("strftime: %%%c is not known", format[i])
		}
		if !padded {
			if text = strings.TrimLeft(text, "0 "); text == "" {
				text = "0"
			}
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// layouts of the directives that Go writes by itself.
func directive(t time.Time, c byte) (string, bool) {
	layout := map[byte]string{'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04",
		'p': "PM", 'P': "pm", 'S': "05", 'y': "06", 'Y': "2006", 'Z': "MST", 'z': "-0700", 'c': "2006-01-02 15:04:05", 'x': "2006-01-02", 'X': "15:04:05"}[c]
	switch {
	case layout != "":
		return t.Format(layout), true
	case c == 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	case c == 'u':
		return fmt.Sprint((int(t.Weekday())+6)%7 + 1), true
	case c == '%':
		return "%", true
	}
	return "", false
}

func timeOf(v any) (time.Time, bool) {
	switch x := v.(type) {
	case time.Time:
		return x, true
	case string:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
			if t, err := time.Parse(layout, x); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// truncate cuts a text to a number of characters and marks the cut.
func truncate(v any, length int) string {
	s := textOf(v)
	if length < 0 || utf8.RuneCountInString(s) <= length {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:length]), " ") + "…"
}

// pluralize counts: 1 comment, 2 comments.
func pluralize(n any, one, many string) string {
	text := textOf(n)
	if text == "1" {
		return "1 " + one
	}
	return text + " " + many
}

// classes joins what is not empty, nil or false, as a list of classes of HEEx.
func classes(list ...any) string {
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok && s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

// same tells whether a value is one of others, as eq of text/template does.
func same(v any, others ...any) (bool, error) {
	if len(others) == 0 {
		return false, fmt.Errorf("eq takes a value and what it may be")
	}
	return slices.ContainsFunc(others, func(other any) bool { return expr.Same(v, other) }), nil
}

func ifElse(condition, yes, no any) any {
	if truth(condition) {
		return yes
	}
	return no
}

// attr gives the attribute when the condition holds. Its name is checked at load, so that
// it needs no escaping.
func attr(name string, condition any) template.HTMLAttr {
	if truth(condition) {
		return template.HTMLAttr(name)
	}
	return ""
}

// truth is that of {{if}}.
func truth(v any) bool {
	ok, _ := template.IsTrue(v)
	return ok
}

// join makes one text; nothing is no text.
func join(list ...any) string {
	var b strings.Builder
	for _, v := range list {
		b.WriteString(textOf(v))
	}
	return b.String()
}

func textOf(v any) string {
	if v == nil {
		return ""
	}
	text, err := value.AppendText(nil, v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
