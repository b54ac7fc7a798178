package resource

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// single checks `singleton`.
func (r *Resource) single(ps *diag.Problems) {
	e := r.entry
	switch {
	case !e.Singleton:
	case r.id == nil:
		ps.Add(r.at, "no-key", "%s has no key of one column, so `singleton` finds no row of it", r.table.Name)
	case e.Pages.Given():
		ps.Add(r.at, "singleton", "`singleton` has no pages").Suggest("leave out `templates`")
	case len(e.Routes) > 0:
		ps.Add(r.at, "singleton", "nothing can stand below a `singleton`").Suggest("write it beside, with an `owner` of its own")
	case len(e.Owner) == 0 && e.Where == nil && r.parent == nil:
		ps.Add(r.at, "singleton", "`singleton` does not say which row it is").Suggest("write `owner`, such as `owner: {user_id: ...}`, or `where`")
	}
}

// onlyID is the id of the one row in reach.
func (x *rules) onlyID(c *pipeline.Context) (any, error) {
	args, err := x.limits(c, make([]any, 0, maxArgs))
	if err != nil {
		return nil, err
	}
	var id any
	err = x.on(c, func(q store.Querier) error {
		row, err := records.One(q.Query(c.Context(), x.only, args, 1))
		if err == nil && row == nil {
			return notFound()
		}
		if err == nil {
			id = row.Values[0]
		}
		return err
	})
	if err != nil {
		return nil, x.unread(c, err)
	}
	return id, nil
}

// alreadyThere refuses a second row of a singleton.
func (w *write) alreadyThere(q store.Querier) error {
	if !w.entry.Singleton {
		return nil
	}
	row, err := records.One(q.Query(w.c.Context(), w.only, w.limits, 1))
	if err == nil && row != nil {
		err = &problem{Status: http.StatusConflict, Code: "23505", Message: "the row is there already", Hint: "change it by PATCH"}
	}
	return err
}
