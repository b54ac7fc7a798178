package resource

import (
	"errors"
	"net/http"

	"github.com/openmanifest/gateway/pkg/handlers/render"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/session"
	"github.com/openmanifest/gateway/pkg/value"
)

// browser tells a request that a page answers.
func (x *rules) browser(c *pipeline.Context) bool {
	return x.pages != nil && (!x.pages.format || c.Slots[pipeline.SlotFormat] == "html")
}

// answer shows the page with the rows above and what else it is given.
func (x *rules) answer(c *pipeline.Context, status int, name string, v any, form *render.Form) error {
	given := map[string]any{}
	for above := x.above; above != nil; above = above.above {
		given[above.table.Schema] = c.Slots[above.kept]
	}
	if name != "" {
		given[name] = v
	}
	if form != nil {
		shown := form.Value()
		shown["options"] = x.pages.choices
		given["form"] = shown
	}
	return x.pages.show.Answer(c, status, given)
}

// new shows the form of a row that is not there yet.
func (x *rules) new(c *pipeline.Context) error {
	if !x.browser(c) {
		return notFound()
	}
	if _, err := x.limits(c, make([]any, 0, maxArgs)); err != nil {
		return err
	}
	begin, err := x.table.Set.Beginning(nil)
	if err != nil {
		return err
	}
	c.Slots[pipeline.SlotChanges] = begin
	if err := x.allowed(c); err != nil {
		return err
	}
	return x.answer(c, http.StatusOK, "", nil, &render.Form{Values: begin.Form(), Action: parentPath(basePath(c)), Method: "post"})
}

// edit shows the form of a row.
func (x *rules) edit(c *pipeline.Context) error {
	if !x.browser(c) {
		return notFound()
	}
	if _, err := x.load(c); err != nil {
		return err
	}
	row, _ := c.Slots[pipeline.SlotRecord].(*value.Row)
	begin, err := x.table.Set.Beginning(row)
	if err != nil {
		return err
	}
	c.Slots[pipeline.SlotChanges] = begin
	if err := x.allowed(c); err != nil {
		return err
	}
	return x.answer(c, http.StatusOK, x.table.Schema, row, &render.Form{Values: begin.Form(), Action: parentPath(basePath(c)), Method: "put"})
}

// again shows the form with what was sent and what is wrong with it. Other refusals are the
// error page.
func (x *rules) again(c *pipeline.Context, a Action, p *problem) error {
	if len(p.Errors) == 0 || !x.pages.form {
		return shownRefusal(p)
	}
	f := render.Form{Errors: p.Errors, Action: basePath(c), Method: "post"}
	var row *value.Row
	name := ""
	if a == Update {
		f.Method, name = "put", x.table.Schema
		if _, err := x.load(c); err != nil {
			return refusalOf(err)
		}
		row, _ = c.Slots[pipeline.SlotRecord].(*value.Row)
	}
	begin, err := x.table.Set.Beginning(objectOf(row))
	if err != nil {
		return err
	}
	f.Values = begin.Form()
	for name, v := range x.sent(c, a) {
		if _, isFile := v.(*pipeline.Upload); !isFile {
			f.Values[name] = v
		}
	}
	return x.answer(c, http.StatusUnprocessableEntity, name, row, &f)
}

// objectOf keeps a row that is not there nil.
func objectOf(row *value.Row) value.Object {
	if row == nil {
		return nil
	}
	return row
}

// sent are the fields of a form that a client may write; what else it holds is left out, as
// Phoenix's cast does.
func (x *rules) sent(c *pipeline.Context, a Action) map[string]any {
	out := map[string]any{}
	for name, v := range c.BodyFields() {
		i := x.table.Set.Index(name)
		if i < 0 || a == Update && x.table.Set.Fields[i].Immutable {
			continue
		}
		if f := &x.table.Set.Fields[i]; f.Writable && !x.fixes(i) {
			out[name] = v
		}
	}
	return out
}

// done tells a browser what was done and sends it on: 303, so that it gets the next page
// whatever method it came with. What was done stays done: a flash that cannot be told is a
// fault for the log.
func (x *rules) done(c *pipeline.Context, row *value.Row, id any) error {
	if row != nil {
		c.Slots[pipeline.SlotRecord] = row
	}
	if err := x.tell(c); err != nil {
		c.Log.Error("the flash of a resource could not be told", "resource", x.table.Schema, "at", x.pages.told.Node.At.String(), "error", err)
	}
	location, err := x.pages.to.path(basePath(c), id)
	if err != nil {
		return err
	}
	c.W.Header()["Location"] = []string{location}
	return c.AnswerExactly(http.StatusSeeOther, nil, nil)
}

func (x *rules) tell(c *pipeline.Context) error {
	if x.pages.told == nil {
		return nil
	}
	text, err := x.pages.told.String(c)
	if err != nil {
		return err
	}
	return session.Of(c).PutFlash(map[string]any{"info": text})
}

// shownRefusal is the problem as an error page shows it.
func shownRefusal(p *problem) *pipeline.Refusal {
	r := &pipeline.Refusal{Status: p.Status, Reason: p.Code, Message: p.Message, Errors: p.Errors, Headers: p.Headers}
	switch p.Status {
	case http.StatusForbidden:
		r.Reason = "forbidden"
	case http.StatusConflict:
		r.Reason = "conflict"
	case http.StatusBadRequest:
		r.Reason = "malformed"
	}
	return r
}

// refusalOf makes the error page of what the caller did wrong; other errors stay.
func refusalOf(err error) error {
	if p := problemOf(err); p != nil {
		return shownRefusal(p)
	}
	return err
}

// answer answers a browser with what an action refuses.
func (x *rules) refuse(c *pipeline.Context, a Action, err error) error {
	p := problemOf(err)
	switch {
	case p == nil:
		return err
	case a == Create || a == Update:
		return x.again(c, a, p)
	}
	return shownRefusal(p)
}

// unfit is the error of fields that a plug within the resource refuses.
func unfit(err error) error {
	var r *pipeline.Refusal
	if errors.As(err, &r) && len(r.Errors) > 0 {
		return invalid(r.Errors)
	}
	return err
}
