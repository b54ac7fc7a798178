package postgres

import (
	"slices"
	"strconv"

	"github.com/openmanifest/gateway/pkg/store"
)

// argument is a parameter of a function, given or returned.
type argument struct {
	name, mode, native string
	base               string // of a domain
	kind               pgType
}

// addFunction takes the functions that can be called with named parameters, or with one
// body that has no name, as PostgREST does.
func (c *catalog) addFunction(row []any) {
	args := c.arguments(row)
	f := store.CatalogFunction{Schema: text(row[0]), Name: text(row[1]), Visible: row[2] == true,
		Volatile: row[3].(bool), Set: row[4].(bool), One: row[13].(bool), Native: text(row[6]), Comment: text(row[7])}
	for _, a := range args {
		switch a.mode {
		case "i", "b", "v":
			p := store.FunctionParam{Name: a.name, Native: a.native, Type: a.kind.nearest(), Required: true, Variadic: a.mode == "v"}
			if r := c.relation(a.kind.relation); a.kind.relation != 0 && r != nil {
				p.Relation, p.RelationOf = r.Name, r.Schema
			}
			f.Params = append(f.Params, p)
		}
	}
	if !callable(f.Params) {
		return
	}
	// Those with defaults are the last.
	for i := len(f.Params) - int(row[8].(int64)); i < len(f.Params); i++ {
		f.Params[i].Required = false
	}
	c.describeResult(&f, row[5].(int64), args)
	c.out.Functions = append(c.out.Functions, f)
}

func (c *catalog) arguments(row []any) []argument {
	names, modes, types, natives := texts(row[9]), texts(row[10]), texts(row[11]), texts(row[12])
	args := make([]argument, len(types))
	for i := range args {
		a := &args[i]
		oid, _ := strconv.ParseInt(types[i], 10, 64)
		a.kind, _, _ = c.base(oid, -1)
		a.mode, a.native, a.base = "i", natives[i], c.baseName(oid)
		if i < len(names) {
			a.name = names[i]
		}
		if i < len(modes) {
			a.mode = modes[i]
		}
	}
	return args
}

// callable tells whether each parameter has a name; one alone may be the whole body, or a
// row: such a function is as good as a column of the table.
func callable(params []store.FunctionParam) bool {
	unnamed := func(p store.FunctionParam) bool { return p.Name == "" }
	if !slices.ContainsFunc(params, unnamed) {
		return true
	}
	return len(params) == 1 && (params[0].Relation != "" || slices.Contains([]string{"bytea", "json", "jsonb", "text", "xml"}, params[0].Native))
}

// describeResult tells what f gives: out parameters are the columns of a row, also one
// alone; a row may be a table's or of a type made for it.
func (c *catalog) describeResult(f *store.CatalogFunction, oid int64, args []argument) {
	result, _, _ := c.base(oid, -1)
	f.Void, f.Base, f.Plain = result.name == "void", c.baseName(oid), result.plain()
	for _, a := range args {
		switch a.mode {
		case "o", "b", "t":
			f.Columns = append(f.Columns, store.CatalogColumn{Name: a.name, Native: a.native, Base: a.base, Type: a.kind.nearest(), Plain: a.kind.plain(),
				Nullable: true, Values: a.kind.labels})
		}
	}
	if f.Columns != nil || result.relation == 0 {
		return
	}
	f.Native = result.name
	if r := c.relation(result.relation); r != nil {
		f.Relation, f.RelationOf = r.Name, r.Schema
	} else {
		f.Columns = c.columnsOf(result.relation)
	}
}
