package changeset

import (
	"encoding/json"
	"testing"
)

func TestJSONSchema(t *testing.T) {
	for _, tt := range []struct{ field, want string }{
		{`{type: string}`, `{"type":["string","null"]}`},
		{`{type: text, required: true}`, `{"minLength":1,"type":"string"}`},
		{`{type: string, required: true, length: {min: 3, max: 9}}`, `{"maxLength":9,"minLength":3,"type":"string"}`},
		{`{type: string, format: url}`, `{"format":"uri","type":["string","null"]}`},
		{`{type: string, format: {matches: '^[a-z]+$'}}`, `{"pattern":"^[a-z]+$","type":["string","null"]}`},
		{`{type: string, format: {matches: '(?i)^[a-z]+$'}}`, `{"type":["string","null"]}`},
		{`{type: integer, required: true, number: {min: 1, below: 10}}`, `{"exclusiveMaximum":10,"format":"int32","minimum":1,"type":"integer"}`},
		{`{type: bigint, values: ['1', '2']}`, `{"enum":[1,2,null],"format":"int64","type":["integer","null"]}`},
		{`{type: decimal, default: 1.5, except: ['2']}`, `{"default":1.5,"not":{"enum":[2]},"type":["number","null"]}`},
		{`{type: boolean, required: true, acceptance: true}`, `{"const":true,"type":"boolean"}`},
		{`{type: enum, values: [a, b], required: true, default: a}`, `{"default":"a","enum":["a","b"],"type":"string"}`},
		{`{type: enum, values: [a, b]}`, `{"enum":["a","b",null],"type":["string","null"]}`},
		{`{type: array, required: true, length: {max: 3}, values: [a, b]}`, `{"items":{"enum":["a","b"],"type":"string"},"maxItems":3,"type":"array"}`},
		{`{type: array}`, `{"items":{"type":["string","null"]},"type":["array","null"]}`},
		{`{type: json, default: {a: [1]}}`, `{"default":{"a":[1]}}`},
		{`{type: datetime}`, `{"format":"date-time","type":["string","null"]}`},
		{`{type: uuid, required: true}`, `{"format":"uuid","type":"string"}`},
		{`{type: date, default: "${now()}"}`, `{"format":"date","type":["string","null"]}`},
	} {
		f := &mustCompile(t, "f: "+tt.field+"\n").Fields[1]
		got, err := json.Marshal(f.JSONSchema(f.Nullable()))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.field, got, tt.want)
		}
	}
}
