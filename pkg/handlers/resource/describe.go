package resource

import (
	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Describe tells documents what an action is about, nil for a page with a form.
func (r *Resource) Describe(env *pipeline.Env, w Way) *openapi.Rows {
	a := w.Action
	if a.form() {
		return nil
	}
	e := r.entry
	rows := &openapi.Rows{Name: r.Name(), Action: openapi.Action(a.String()), OneRow: a.OfRow() && !w.Many, Wrap: e.Wrap, MaxRows: e.MaxRows,
		Pages: e.Pages.Given(), Forms: e.Pages.Given() || len(e.Uploads) > 0}
	for _, embed := range e.Embed {
		rows.Embeds = append(rows.Embeds, embed.Name)
	}
	shown := r.shows(env, false)
	for i := range r.table.Set.Fields {
		rows.Fields = append(rows.Fields, r.describeField(i, shown))
	}
	return rows
}

func (r *Resource) describeField(i int, shown func(*changeset.Field) bool) openapi.Field {
	f := &r.table.Set.Fields[i]
	free := r.served.columns(f.Name) && !r.fixes(i)
	out := openapi.FieldOf(f)
	if c := r.served.catalog; c != nil {
		if out.Schema = f.JSONSchema(c.Columns[i].Nullable); r.table.Store.Dialect == expr.Postgres {
			out.Schema = openapi.ColumnSchema(&c.Columns[i])
		}
	}
	out.Create, out.Update = out.Create && free, out.Update && free
	if out.Key = r.id != nil && r.id.Name == f.Name; out.Key && r.served.catalog == nil {
		out.Schema = f.JSONSchema(false)
	}
	if out.Answered = out.Schema; f.Virtual || !shown(f) {
		out.Answered = nil
	}
	return out
}
