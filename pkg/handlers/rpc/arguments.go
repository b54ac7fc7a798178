package rpc

import (
	"bytes"
	"encoding/csv"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// arguments are what a request gives to a function.
type arguments struct {
	keys   []string            // the names, sorted, each once
	values map[string][]string // of a query or form; nil: object has them
	object []byte              // a JSON object
	json   bool                // the body is JSON
	body   []byte              // as it came
	raw    string              // the type of a body that is no JSON and has no names: text, xml, bytea; "": it has
}

// ofQuery are the arguments in the query of a request that reads.
func ofQuery(args []postgrest.Arg) *arguments {
	a := &arguments{values: map[string][]string{}}
	for _, arg := range args {
		a.values[arg.Name] = append(a.values[arg.Name], arg.Value)
	}
	a.name()
	return a
}

func (a *arguments) name() {
	for key := range a.values {
		a.keys = append(a.keys, key)
	}
	slices.Sort(a.keys)
}

// ofBody reads the body of a request (PostgREST.ApiRequest.Payload). only are the arguments
// that `columns` names; nil: all.
func ofBody(c *pipeline.Context, only []string) (*arguments, error) {
	raw, _, err := c.PeekBody(pipeline.DefaultMaxBody) // read already: the step needs it
	if err != nil {
		return nil, err
	}
	if e := c.R.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, unreadable("a body in this encoding is not read")
	}
	kind := "application/json"
	if header := c.R.Header.Get("Content-Type"); header != "" {
		var params map[string]string
		if kind, params, err = pipeline.MediaType(header); err != nil {
			return nil, unreadable("the body has no content-type that can be read")
		}
		if charset := params["charset"]; !pipeline.IsUTF8(charset) {
			return nil, unreadable("a body in this charset is not read")
		}
	}
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return ofJSON(raw, only)
	case kind == "application/x-www-form-urlencoded" && c.Parser != nil && c.Parser.Form:
		return ofForm(raw, c.Parser.MaxForm)
	case kind == "text/csv":
		return ofCSV(raw)
	case kind == "text/plain":
		return &arguments{body: raw, raw: "text"}, nil
	case kind == "text/xml":
		return &arguments{body: raw, raw: "xml"}, nil
	case kind == "application/octet-stream":
		return &arguments{body: raw, raw: "bytea"}, nil
	}
	return nil, unreadable("Content-Type not acceptable: " + kind)
}

const badBody = "PGRST102"

func unreadable(message string) *postgrest.Error {
	return &postgrest.Error{Status: http.StatusUnsupportedMediaType, Code: badBody, Message: message}
}

func ofForm(raw []byte, limit int64) (*arguments, error) {
	if int64(len(raw)) > limit {
		return nil, pipeline.Refuse(http.StatusRequestEntityTooLarge, "too_large", "the form is larger than %d bytes", limit)
	}
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, &postgrest.Error{Status: http.StatusBadRequest, Code: badBody, Message: "the form cannot be read"}
	}
	a := &arguments{values: values}
	a.name()
	return a, nil
}

// ofCSV reads the first row behind a line of names; NULL is null.
func ofCSV(raw []byte) (*arguments, error) {
	lines := csv.NewReader(bytes.NewReader(raw))
	names, err := lines.Read()
	var row []string
	if err == nil {
		row, err = lines.Read()
	}
	if err != nil {
		return nil, &postgrest.Error{Status: http.StatusBadRequest, Code: badBody, Message: "the CSV cannot be read", Details: err.Error()}
	}
	fields := make(map[string]any, len(names))
	for i, name := range names {
		if fields[name] = row[i]; row[i] == "NULL" {
			fields[name] = nil
		}
	}
	a := &arguments{keys: slices.Sorted(maps.Keys(fields))}
	a.object, err = value.AppendJSON(nil, fields)
	return a, err
}

// ofJSON reads an object, or the first one of a list. An empty body is an empty object.
func ofJSON(raw []byte, only []string) (*arguments, error) {
	a := &arguments{body: raw, object: []byte("{}"), json: true}
	if len(raw) == 0 {
		a.body = a.object
		return a, nil
	}
	v, err := value.DecodeJSON(raw)
	if err != nil {
		return nil, &postgrest.Error{Status: http.StatusBadRequest, Code: badBody, Message: "Empty or invalid json", Details: err.Error()}
	}
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return a, nil // only a parameter without a name takes what has no names
	}
	if a.object, err = value.AppendJSON(nil, fields); err != nil {
		return nil, err
	}
	if only != nil {
		a.keys = only
		return a, nil
	}
	for key := range fields {
		a.keys = append(a.keys, key)
	}
	slices.Sort(a.keys)
	return a, nil
}

// sql writes the call: the function with its arguments, and what stands before it in `from`;
// "" where nothing does.
func (a *arguments) sql(o *overload, whole bool) (call, from string, args []any) {
	name := store.Quote(o.Schema) + "." + store.Quote(o.Name)
	if whole {
		v := any(string(a.body))
		if a.raw == "bytea" {
			v = a.body
		}
		return name + "($1::" + o.Params[0].Native + ")", "", []any{v}
	}
	var list, typed []string
	for _, p := range o.Params {
		if !slices.Contains(a.keys, p.Name) {
			continue
		}
		own := store.Quote(p.Name)
		source := `"given".` + own
		if a.values != nil {
			args = append(args, valueOf(a.values[p.Name], p.Variadic))
			source = "$" + strconv.Itoa(len(args)) + "::" + p.Native
		} else {
			typed = append(typed, own+" "+p.Native)
		}
		word := ""
		if p.Variadic {
			word = "variadic "
		}
		list = append(list, word+own+" := "+source)
	}
	if typed != nil {
		from, args = `json_to_record($1::json) as "given"(`+strings.Join(typed, ", ")+")", []any{string(a.object)}
	}
	return name + "(" + strings.Join(list, ", ") + ")", from, args
}

// valueOf is the last of the values given for a parameter, or all for one that takes any
// number.
func valueOf(given []string, variadic bool) any {
	if !variadic {
		return given[len(given)-1]
	}
	list := make([]any, len(given))
	for i, v := range given {
		list[i] = v
	}
	return list
}
