package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// formName is the name under which pages see the form that a request is about.
const formName = "form"

// A Form is what <.form> and <.input> read: the values of fields and what is wrong with
// them.
type Form struct {
	Values map[string]any
	Errors map[string][]string
	Action string
	Method string
}

// Value is the form as templates see it.
func (f Form) Value() map[string]any {
	errs := make(map[string]any, len(f.Errors))
	for field, messages := range f.Errors {
		list := make([]any, len(messages))
		for i, m := range messages {
			list[i] = m
		}
		errs[field] = list
	}
	out := map[string]any{"values": value.Plain(f.Values), "errors": errs}
	if f.Action != "" {
		out["action"] = f.Action
	}
	if f.Method != "" {
		out["method"] = f.Method
	}
	return out
}

// FormType is what is known of a form at load.
func FormType() expr.Type {
	return expr.Record(map[string]expr.Type{
		"values": expr.OpenMap(), "errors": expr.OpenMap(), "action": expr.Nullable(expr.String), "method": expr.Nullable(expr.String),
	})
}

// formOfFailure is the form of a page that is shown again: what was sent, and what was
// wrong. A page that is shown for the first time has an empty one: a link must not fill it.
func formOfFailure(c *pipeline.Context) map[string]any {
	f := Form{}
	if r, ok := c.Slots[pipeline.SlotFailure].(*pipeline.Refusal); ok {
		f.Errors = r.Errors
		f.Values, _ = c.Slots[pipeline.SlotParams].(map[string]any)
	}
	return f.Value()
}

// toForm makes a form of values and errors.
func toForm(values any, errs ...any) map[string]any {
	out := map[string]any{"values": values, "errors": map[string]any{}}
	if len(errs) > 0 && errs[0] != nil {
		out["errors"] = errs[0]
	}
	return out
}

func formMember(form any, name string) any {
	m, _ := form.(map[string]any)
	return m[name]
}

// formMethod is the method of a form in lower case; post where none is said.
func formMethod(given, form any) (string, error) {
	text := textOf(given)
	if text == "" {
		text = textOf(formMember(form, "method"))
	}
	switch text = strings.ToLower(text); text {
	case "":
		return "post", nil
	case "get", "post", "put", "patch", "delete":
		return text, nil
	}
	return "", fmt.Errorf("a form cannot have the method %q", text)
}

// formLocal tells an action on this host: the token goes to no other.
func formLocal(action any) bool {
	text := textOf(action)
	if text == "" || text[0] == '?' || text[0] == '#' {
		return true
	}
	return text[0] == '/' && !strings.HasPrefix(text, "//") && !strings.ContainsAny(text, "\\\t\r\n")
}

// formID makes an id of the name of a field.
func formID(name any) string {
	return strings.NewReplacer("[]", "", "[", "_", "]", "").Replace(textOf(name))
}

// lookup finds a field in values: post[title] is title in post, as forms send it.
func lookup(values any, field string) any {
	for segment := range strings.SplitSeq(strings.ReplaceAll(field, "]", ""), "[") {
		if segment == "" {
			continue
		}
		m, ok := values.(map[string]any)
		if !ok {
			return nil
		}
		values = m[segment]
	}
	return values
}

// formValue is what a field shows: what it was given, or the form's value. kind is the type
// of the input.
func formValue(form, field, given any, kind any) any {
	v := given
	if v == nil && field != nil {
		v = lookup(formMember(form, "values"), textOf(field))
	}
	t, isTime := v.(time.Time)
	switch {
	case kind == "password" || kind == "file":
		return nil // never sent back
	case isTime && kind == "date":
		return t.Format("2006-01-02")
	case isTime && kind == "datetime-local":
		return t.Format("2006-01-02T15:04")
	case isTime && kind == "time":
		return t.Format("15:04")
	}
	switch v.(type) {
	case nil, map[string]any: // fields of another form
		return nil
	case []any:
		if kind == "select" {
			return v
		}
		return nil
	}
	return textOf(v) // 0 and false are values too
}

// formErrors are the messages of a field.
func formErrors(form, field, given any) []any {
	if list, ok := given.([]any); ok {
		return list
	}
	if text, ok := given.(string); ok && text != "" {
		return []any{text}
	}
	if field == nil {
		return nil
	}
	errs, _ := formMember(form, "errors").(map[string]any)
	name := textOf(field)
	if list, ok := errs[name].([]any); ok {
		return list
	}
	list, _ := errs[lastSegment(name)].([]any)
	return list
}

// lastSegment is title of post[title]: a failure names the fields of the record that was
// written.
func lastSegment(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "[]"), "]")
	return name[strings.LastIndexByte(name, '[')+1:]
}

// formChecked tells a value that ticks a checkbox.
func formChecked(v any) bool {
	switch v {
	case true, "true", "on", "1", int64(1):
		return true
	}
	return false
}

// formOptions makes the options of a select: texts, pairs of label and value, maps with
// label and value, or a map of labels to values.
func formOptions(options, selected any) ([]any, error) {
	var out []any
	add := func(label, v any) {
		out = append(out, map[string]any{"label": label, "value": textOf(v), "selected": isSelected(v, selected)})
	}
	switch x := options.(type) {
	case nil:
	case map[string]any:
		for _, label := range slices.Sorted(maps.Keys(x)) {
			add(label, x[label])
		}
	case []any:
		for _, item := range x {
			switch o := item.(type) {
			case []any:
				if len(o) != 2 {
					return nil, fmt.Errorf("an option is a text, or a label and a value")
				}
				add(o[0], o[1])
			case map[string]any:
				add(o["label"], o["value"])
			default:
				add(o, o)
			}
		}
	default:
		return nil, fmt.Errorf("options are a list or a map, not %s", value.Describe(options))
	}
	return out, nil
}

func isSelected(v, selected any) bool {
	if list, ok := selected.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return textOf(one) == textOf(v) })
	}
	return selected != nil && textOf(selected) == textOf(v)
}
