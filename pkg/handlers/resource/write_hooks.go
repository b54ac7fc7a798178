package resource

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/outbound"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// hooks are `hooks` of an action, compiled.
type hooks struct {
	before, after *hook
}

type hook struct {
	*Hook
	url    *url.URL
	values []namedValue
	client *outbound.Client
	queue  *hookQueue
}

func (x *rules) hooksOf(b *pipeline.Build, a Action) *hooks {
	h := &hooks{before: x.hookOf(b, &x.entry.Before, a), after: x.hookOf(b, &x.entry.After, a)}
	if h.before == nil && h.after == nil {
		return nil
	}
	if h.after != nil && len(x.served.Relation().Key) == 0 {
		b.Problem(x.entry.After.At, "no-key", "the rows of %s have no key, by which the written ones are found", x.table.Name)
	}
	return h
}

func (x *rules) hookOf(b *pipeline.Build, h *Hook, a Action) *hook {
	if h.URL == nil || !h.on[a] {
		return nil
	}
	nested := b.Nested(false)
	out := &hook{Hook: h}
	text := nested.Text(h.URL)
	if text == nil {
		return nil
	}
	address, constant := text.Constant()
	u, err := url.Parse(address)
	if !constant || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		b.Problem(h.URL.At, "wrong-value", "this is no URL to ask").Suggest("write http:// or https://, a host and a path, without values of the request: those go into `values`")
		return nil
	}
	out.url = u
	for _, v := range h.Values {
		out.values = append(out.values, namedValue{v.Name, nested.Value(v.Value)})
	}
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		if out.client, err = pipeline.Get(l, "outbound", outbound.Open); err != nil {
			return err
		}
		out.queue, err = pipeline.Get(l, "resource hooks", func() (*hookQueue, func(), error) { return openHooks(b.Env.Log) })
		return err
	})
	return out
}

// namedValue is one of `values`.
type namedValue struct {
	name  string
	value *pipeline.Value
}

// message writes what a hook is told.
func (h *hook) message(c *pipeline.Context, when, schema string, a Action, more map[string]any) ([]byte, error) {
	told := map[string]any{"when": when, "resource": schema, "action": a.String()}
	for name, v := range more {
		told[name] = v
	}
	if len(h.values) > 0 {
		values := map[string]any{}
		for i := range h.values {
			v, err := h.values[i].value.Eval(c.Frame)
			if err != nil {
				return nil, err
			}
			values[h.values[i].name] = v
		}
		told["values"] = values
	}
	return value.AppendJSON(nil, told)
}

// request is what is sent.
func (h *hook) request(ctx context.Context, body []byte) *outbound.Request {
	r := &outbound.Request{Method: http.MethodPost, URL: h.url, Body: body, Timeout: h.Timeout, MaxBody: maxHookAnswer,
		Header: http.Header{"User-Agent": {"openmanifest-gateway"}, "Content-Type": pipeline.JSONType, "Accept": pipeline.JSONType}}
	observe.Inject(ctx, r.Header)
	return r
}

// maxHookAnswer bounds the answer of a hook in bytes.
const maxHookAnswer = 64 << 10

// asksBefore asks whether the write may be done: an answer of 2xx lets it, one of 4xx
// refuses it with the errors that it tells. It stands before the transaction, which must not
// wait for others.
func (w *write) asksBefore(a Action, more map[string]any) error {
	if w.hooks == nil || w.hooks.before == nil {
		return nil
	}
	if w.c.InTransaction() {
		return &problem{Status: http.StatusBadRequest, Code: "alone", Message: "this resource asks a hook first, and cannot stand in a batch", Hint: "send the request by itself"}
	}
	h := w.hooks.before
	body, err := h.message(w.c, "before", w.table.Schema, a, more)
	if err != nil {
		return err
	}
	answer, err := h.client.Do(w.c.Context(), h.request(w.c.Context(), body))
	switch {
	case err == nil && answer.Status < 300:
		return nil
	case err == nil && answer.Status >= 400 && answer.Status < 500:
		return hookRefusal(answer)
	case err == nil:
		err = errors.New("the answer is " + http.StatusText(answer.Status))
	}
	w.c.Log.Warn("a hook gave no answer", "resource", w.table.Schema, "host", h.url.Host, "error", err)
	if h.Continue {
		return nil
	}
	return pipeline.Refuse(http.StatusBadGateway, "hook", "the service that is asked first gave no answer")
}

// hookRefusal is what a hook says no with: 422 where it tells errors by field, else 403.
func hookRefusal(answer *outbound.Answer) error {
	var said struct {
		Errors  map[string][]string `json:"errors"`
		Message string              `json:"message"`
	}
	if json.Unmarshal(answer.Body, &said) == nil && len(said.Errors) > 0 {
		return invalid(said.Errors)
	}
	p := forbidden()
	if said.Message != "" {
		p.Message = rows.Clip(said.Message)
	}
	return p
}

// changesTold are the rows of a create or the changes of an update, as a hook sees them:
// without what is hidden.
func (w *write) changesTold(s *sentRows) any {
	list := make([]any, 0, len(s.rows))
	for i := range s.rows {
		if i < len(w.changes) {
			list = append(list, w.changes[i])
		} else {
			list = append(list, w.shownOf(s.rows[i]))
		}
	}
	return list
}

// shownOf is what was sent of fields that are not hidden.
func (w *write) shownOf(given map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range given {
		if i := w.table.Set.Index(name); i >= 0 && !w.table.Set.Fields[i].Hidden && !w.table.Set.Fields[i].Virtual {
			out[name] = v
		}
	}
	return out
}

// rowTold is a row that is there, as a hook sees it.
func (w *write) rowTold(where []any) (any, error) {
	var row *value.Row
	err := w.on(w.c, func(q store.Querier) error {
		if err := w.fetch(w.c, q, w.rules.one, where); err != nil {
			return err
		}
		row, _ = w.c.Slots[pipeline.SlotRecord].(*value.Row)
		return w.visible(w.c)
	})
	if err != nil {
		return nil, w.unread(w.c, err)
	}
	text, err := w.shownRow(row)
	return &value.Raw{Bytes: text}, err
}

// tellAfter queues what the after hook is told of.
func (w *write) tellAfter() {
	if w.hooks == nil || w.hooks.after == nil {
		return
	}
	h := w.hooks.after
	for e, rows := range w.written {
		if len(rows) == 0 {
			continue
		}
		body, err := h.message(w.c, "after", w.table.Schema, [...]Action{Create, Update, Delete}[e], map[string]any{"records": rows})
		if err == nil {
			err = h.queue.add(h.request(w.c.Context(), body))
		}
		if err != nil {
			w.c.Log.Error("a hook could not be told; the rows are written", "resource", w.table.Schema, "host", h.url.Host, "error", err)
		}
	}
}
