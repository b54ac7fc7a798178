package rpc

import (
	"net/http"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// find chooses the function that the arguments mean (PostgREST.Plan, findProc): by the names
// of the parameters, else one whose single parameter takes the body as it is.
func (f *Function) find(a *arguments) (o *overload, whole bool, err error) {
	var byName, byBody []*overload
	for _, o := range f.overloads {
		switch {
		case a.named(o.Params):
			byName = append(byName, o)
		case a.takenBy(o.Params):
			byBody = append(byBody, o)
		}
	}
	switch {
	case len(byName) == 1:
		return byName[0], false, nil
	case len(byName) > 1:
		return nil, false, ambiguous(byName)
	case len(byBody) == 1:
		return byBody[0], true, nil
	case len(byBody) > 1:
		return nil, false, ambiguous(byBody)
	}
	return nil, false, f.missing(a)
}

// named tells whether the arguments are some of these parameters, and all of those that have
// no default.
func (a *arguments) named(params []store.FunctionParam) bool {
	if len(params) == 0 {
		return len(a.keys) == 0 && a.raw == ""
	}
	if params[0].Name == "" {
		return false
	}
	for i := range params {
		if params[i].Required && !slices.Contains(a.keys, params[i].Name) {
			return false
		}
	}
	return !slices.ContainsFunc(a.keys, func(key string) bool {
		return !slices.ContainsFunc(params, func(p store.FunctionParam) bool { return p.Name == key })
	})
}

// takenBy tells whether the one parameter takes the body.
func (a *arguments) takenBy(params []store.FunctionParam) bool {
	if len(params) != 1 || params[0].Name != "" {
		return false
	}
	native := params[0].Native
	return a.json && (native == "json" || native == "jsonb") || a.raw != "" && native == a.raw
}

func ambiguous(list []*overload) *postgrest.Error {
	texts := make([]string, len(list))
	for i, o := range list {
		params := make([]string, len(o.Params))
		for k, p := range o.Params {
			params[k] = p.Name + " => " + p.Native
		}
		texts[i] = o.Schema + "." + o.Name + "(" + strings.Join(params, ", ") + ")"
	}
	return &postgrest.Error{Status: http.StatusMultipleChoices, Code: "PGRST203",
		Message: "Could not choose the best candidate function between: " + strings.Join(texts, ", "),
		Hint:    "Try renaming the parameters or the function itself in the database so function overloading can be resolved"}
}

// How much of a stranger's names is said back, in bytes, and how many are compared with ours.
const (
	maxShown  = 1000
	maxHinted = 50
)

// missing tells that no function takes these arguments (PostgREST.Error, NoRpc).
func (f *Function) missing(a *arguments) *postgrest.Error {
	name := f.schema + "." + f.Name
	keys := strings.Join(a.keys, ", ")
	if len(keys) > maxShown {
		keys = keys[:maxShown] + "…"
	}
	shown, with := "("+keys+")", " with parameter "+keys
	switch len(a.keys) {
	case 0:
		shown, with = " without parameters", " without parameters"
	case 1:
	default:
		with = " with parameters " + keys
	}
	e := &postgrest.Error{Status: http.StatusNotFound, Code: "PGRST202"}
	switch {
	case a.raw != "":
		shown, with = "", " with a single unnamed "+a.raw+" parameter"
	case a.json:
		with += " or with a single unnamed json/jsonb parameter"
		e.Hint = f.hint(a)
	default:
		e.Hint = f.hint(a)
	}
	e.Message = "Could not find the function " + name + shown + " in the schema cache"
	e.Details = "Searched for the function " + name + with + ", but no matches were found in the schema cache."
	return e
}

// hint names what is near, of what can be told in a moment.
func (f *Function) hint(a *arguments) string {
	near := ""
	switch {
	case len(f.overloads) == 0:
		near = relations.Nearest(f.all.names, f.Name)
	case len(a.keys) <= maxHinted && len(strings.Join(a.keys, "")) <= maxShown:
		listed := func(names []string) string { return "(" + strings.Join(names, ", ") + ")" }
		params := make([]string, len(f.overloads))
		for i, o := range f.overloads {
			names := make([]string, len(o.Params))
			for k, p := range o.Params {
				names[k] = p.Name
			}
			params[i] = listed(names)
		}
		if near = relations.Nearest(params, listed(a.keys)); near != "" {
			near = f.Name + near
		}
	}
	if near == "" {
		return ""
	}
	return "Perhaps you meant to call the function " + f.schema + "." + near
}
