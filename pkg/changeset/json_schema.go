package changeset

import (
	"encoding/json"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// JSONSchema describes the values that the field takes, in JSON Schema 2020-12. nullable
// adds null. What a schema cannot say, such as a check, is left out.
func (f *Field) JSONSchema(nullable bool) map[string]any {
	s := map[string]any{}
	typ := f.describeType(s)
	f.describeBounds(s, typ)
	f.describeListed(s, typ, nullable)
	if f.absent != nil && f.absent.constant {
		s["default"] = asJSON(f.absent.value)
	}
	if f.acceptance {
		s["const"] = true
	}
	switch {
	case typ == "":
	case nullable:
		s["type"] = []string{typ, "null"}
	default:
		s["type"] = typ
	}
	return s
}

// Nullable tells whether a row may have no value of it.
func (f *Field) Nullable() bool { return !f.Required && !f.own() }

// Confirmation is the key under which the field's value is sent a second time, "" for none.
func (f *Field) Confirmation() string {
	if !f.confirmation {
		return ""
	}
	return f.Name + "_confirmation"
}

// describeType says what the type alone does, and gives JSON's word for it; "" is any.
func (f *Field) describeType(s map[string]any) string {
	format := ""
	typ := "string"
	switch f.Type {
	case store.Integer:
		typ, format = "integer", "int32"
	case store.Bigint:
		typ, format = "integer", "int64"
	case store.Float:
		typ, format = "number", "double"
	case store.Decimal:
		typ = "number"
	case store.Boolean:
		typ = "boolean"
	case store.Date:
		format = "date"
	case store.Datetime:
		format = "date-time"
	case store.UUID:
		format = "uuid"
	case store.Array:
		typ = "array"
		s["items"] = f.itemSchema()
	case store.JSON:
		return ""
	}
	switch f.format {
	case "":
	case "url":
		format = "uri"
	default:
		format = f.format
	}
	if format != "" {
		s["format"] = format
	}
	return typ
}

func (f *Field) itemSchema() map[string]any {
	item := map[string]any{"type": []string{"string", "null"}}
	if len(f.values) > 0 {
		item = map[string]any{"type": "string", "enum": f.values}
	}
	return item
}

func (f *Field) describeBounds(s map[string]any, typ string) {
	shortest := f.minLength
	if f.Required && (f.Type == store.String || f.Type == store.Text) {
		shortest = max(shortest, 1) // it is never blank
	}
	least, most := "minLength", "maxLength"
	if typ == "array" {
		least, most = "minItems", "maxItems"
	}
	if shortest > 0 {
		s[least] = shortest
	}
	if f.maxLength > 0 {
		s[most] = f.maxLength
	}
	for _, bound := range []struct {
		name  string
		value *float64
	}{{"minimum", f.min}, {"maximum", f.max}, {"exclusiveMinimum", f.above}, {"exclusiveMaximum", f.below}} {
		if bound.value != nil {
			s[bound.name] = *bound.value
		}
	}
	// Groups with flags are of RE2 alone.
	if f.matches != nil && !strings.Contains(f.matches.String(), "(?") {
		s["pattern"] = f.matches.String()
	}
}

func (f *Field) describeListed(s map[string]any, typ string, nullable bool) {
	if typ == "array" {
		return // its items are listed
	}
	if len(f.allowed) > 0 {
		list := f.allowed
		if nullable {
			list = append(list[:len(list):len(list)], nil)
		}
		s["enum"] = asJSON(list)
	}
	if len(f.denied) > 0 {
		s["not"] = map[string]any{"enum": asJSON(f.denied)}
	}
}

// asJSON writes a value as answers do. One that was cast can be written.
func asJSON(v any) json.RawMessage {
	text, err := value.AppendJSON(nil, v)
	if err != nil {
		return json.RawMessage("null")
	}
	return text
}
