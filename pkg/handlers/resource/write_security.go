package resource

import (
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// RowSecurity is `row_security` as written.
type RowSecurity struct {
	At           diag.Pos // zero: there is none
	Role, Claims *source.Node
}

func describeSecurity(f *spec.Fields, e *Entry) {
	schema := spec.Schema{"type": "object", "additionalProperties": false, "properties": spec.Schema{"role": pipeline.TextValue(), "claims": pipeline.AnyValue()}}
	f.Add("row_security", "map of `role` and `claims`", "Leaves it to Postgres which rows may be seen: every statement runs as `role`, with `claims` as the JSON of request.jwt.claims, and request.method and request.path.",
		schema, func(d *spec.Decoder, n *source.Node) {
			x := &e.RowSecurity
			x.At = n.At
			f := spec.NewFields("`row_security`")
			f.Node(&x.Role, "role", "text", "The role that the statements run as.", pipeline.TextValue())
			f.Node(&x.Claims, "claims", "value", "What policies may ask for, such as the claims of a token.", pipeline.AnyValue())
			f.Decode(d, n, n.At)
			if x.Role == nil && x.Claims == nil {
				d.Problems.Add(n.At, "missing-key", "`row_security` needs \"role\" or \"claims\"")
			}
		})
}

// securing is `row_security`, compiled.
type securing struct {
	role   *pipeline.Text
	claims *pipeline.Value
}

func (x *rules) securingOf(b *pipeline.Build) *securing {
	s := &x.entry.RowSecurity
	switch {
	case s.At.IsZero():
		return nil
	case x.table.Store.Dialect == expr.SQLite:
		b.Problem(s.At, "no-row-security", "SQLite has no row level security").Suggest("limit the rows with `owner` or `where`")
		return nil
	}
	out, nested := &securing{}, b.Nested(true)
	if s.Role != nil {
		out.role = nested.Text(s.Role)
	}
	if s.Claims != nil {
		out.claims = nested.Value(s.Claims)
	}
	return out
}

// secured tells that the database itself limits the rows.
func (x *rules) secured() bool { return x.secures != nil }

// security is what the transactions of a request are begun with. What cannot be computed is
// a refusal.
func (x *rules) security(c *pipeline.Context) (store.TxOptions, error) {
	var o store.TxOptions
	s := x.secures
	if s == nil {
		return o, nil
	}
	o.Settings = map[string]string{"request.method": c.Method, "request.path": c.R.URL.Path}
	if s.role != nil {
		role, err := s.role.String(c)
		if err != nil || role == "" {
			return o, x.insecure(c, s.role.Node, err)
		}
		o.Role = role
	}
	if s.claims != nil {
		v, err := s.claims.Eval(c.Frame)
		if err != nil {
			return o, x.insecure(c, s.claims.Node, err)
		}
		text, err := value.AppendJSON(nil, v)
		if err != nil || strings.ContainsRune(string(text), 0) {
			return o, x.insecure(c, s.claims.Node, err)
		}
		o.Settings["request.jwt.claims"] = string(text)
	}
	return o, nil
}

func (x *rules) insecure(c *pipeline.Context, n *source.Node, err error) error {
	c.Log.Info("a value of row_security could not be computed, so it refused", "at", n.At.String(), "error", err)
	return forbidden()
}

// on runs what reads: in a transaction of its own where something is set for it.
func (x *rules) on(c *pipeline.Context, do func(store.Querier) error) error {
	switch {
	case x.secures == nil:
		return do(c.On(x.table.Store))
	case c.InTransaction():
		return alone()
	}
	o, err := x.security(c)
	if err != nil {
		return err
	}
	o.ReadOnly = true
	return x.table.Store.TxWith(c.Context(), o, func(tx store.Tx) error { return do(tx) })
}

// alone refuses a step of a batch whose rows the database limits: the batch has one role.
func alone() *problem {
	return &problem{Status: http.StatusBadRequest, Code: "alone", Message: "this resource has `row_security`, and cannot stand in a batch", Hint: "send the request by itself"}
}
