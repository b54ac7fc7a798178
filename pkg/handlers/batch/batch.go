// Package batch answers several requests to the resources of a scope at once, in one
// transaction: all that they write is kept, or nothing.
package batch

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/routes"
)

// An Entry is one `batch` as written.
type Entry struct{ Path *source.Node }

// Describe binds the keys of an entry.
func Describe(f *spec.Fields, e *Entry) {
	f.Node(&e.Path, "batch", "path", "The path that takes lists of requests to the resources of the scope, by POST. Each keeps to the rules of its resource; all are done, or none.", spec.Path()).Require()
}

// Def is what the step runner knows of batches.
func Def() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "batch", Group: "answer", Doc: "Does several requests in one transaction.", Places: pipeline.Route, Answers: pipeline.Route, Guard: true,
		Fails: []pipeline.Reason{{Name: "forbidden", Status: 403}, {Name: "not_found", Status: 404}, {Name: "invalid", Status: 422}, {Name: "conflict", Status: 409}},
	}, func(s *pipeline.Settings, e *Entry) { Describe(s.Fields, e) }, func(Entry, *pipeline.Build) pipeline.Plug { return nil })
}

// A Target is a route that a step can take.
type Target struct {
	Methods []string
	Path    routes.Pattern // below the scope
	Store   *pipeline.Store
	At      diag.Pos
	Plug    func(*pipeline.Build) pipeline.Plug
}

// batch is one `batch`, compiled.
type batch struct {
	store *pipeline.Store
	own   string // the end of the path, behind the scope's
	table *routes.Table
	plugs []pipeline.Plug // by route
}

// Plug makes what builds the route of a batch, whose path below the scope is own.
func Plug(own string, at diag.Pos, targets []Target) func(*pipeline.Build) pipeline.Plug {
	return func(b *pipeline.Build) pipeline.Plug {
		if len(targets) == 0 {
			b.Problem(at, "empty-batch", "the scope has no resources that a batch could use").Suggest("write it beside `resources`, in the same list of routes")
			return nil
		}
		x := &batch{store: targets[0].Store, own: own}
		list := make([]routes.Route, len(targets))
		for i, t := range targets {
			if t.Store != x.store {
				b.Problem(at, "two-stores", "a batch is one transaction of one store, and the resources beside it have two: %s and %s", x.store.Name, t.Store.Name).
					Suggest("put the resources of each store into a scope of its own").Relate(t.At, "this one is in %s", t.Store.Name)
				return nil
			}
			list[i] = routes.Route{Methods: t.Methods, Pattern: t.Path, At: t.At}
			x.plugs = append(x.plugs, t.Plug(b))
		}
		b.Reads("request.body")
		openapi.Of(b.Env).Does(b, described(own, targets))
		x.table = routes.Build(list, b.Problems)
		return func(c *pipeline.Context) (any, error) {
			err := x.serve(c)
			var step *refused
			if errors.As(err, &step) {
				return nil, step.send(c)
			}
			if p := rows.Of(err); p != nil {
				return nil, p.Send(c)
			}
			return nil, err
		}
	}
}

// described tells documents what a batch can do. The rows are those of the same routes outside
// of it.
func described(own string, targets []Target) openapi.Batch {
	d := openapi.Batch{Own: own, MaxSteps: maxSteps}
	for _, t := range targets {
		d.Steps = append(d.Steps, openapi.Step{Methods: t.Methods, Path: t.Path.String()})
	}
	return d
}

// undone ends a transaction that the client wants undone.
type undone struct{}

func (undone) Error() string { return "rolled back, as asked" }

// serve does the steps and answers with what came of each, or of the one that failed.
func (x *batch) serve(c *pipeline.Context) error {
	rollback, err := prefers(c)
	if err != nil {
		return err
	}
	raw, _, err := c.PeekBody(pipeline.DefaultMaxBody) // read already: the step needs it
	if err != nil {
		return err
	}
	steps, err := read(c, raw)
	if err != nil {
		return err
	}
	r := &run{batch: x, c: c, base: strings.TrimSuffix(c.R.URL.EscapedPath(), x.own), results: map[string]any{}, answer: append(c.Scratch(), '[')}
	own, err := c.Together(x.store, func() error {
		for i, s := range steps {
			if err := r.step(i, s); err != nil {
				return err
			}
		}
		if rollback {
			return undone{}
		}
		return nil
	})
	switch own := own.(type) {
	case nil:
		if err != nil {
			return x.judged(c, err)
		}
	case undone:
		c.W.Header()["Preference-Applied"] = []string{"tx=rollback"}
	default:
		return own
	}
	r.answer = append(r.answer, ']')
	err = c.Answer(http.StatusOK, pipeline.JSONType, r.answer)
	c.Lend(r.answer)
	return err
}

// judged tells whose doing an error is that the store had with the transaction as a whole,
// such as a constraint that it looks at last.
func (x *batch) judged(c *pipeline.Context, err error) error {
	if p := rows.Told(c, err); p != nil {
		return p
	}
	return records.Ours(x.store.Name, err)
}

// refused is the answer of a step that ends the batch.
type refused struct {
	step   int
	status int
	header http.Header
	body   []byte // JSON
}

func (r *refused) Error() string { return "step " + strconv.Itoa(r.step) + " was refused" }

// send answers as the step did, and says which one it was.
func (r *refused) send(c *pipeline.Context) error {
	buf := append(c.Scratch(), r.body...)
	if n := len(buf); n > 1 && buf[n-1] == '}' {
		buf = strconv.AppendInt(append(buf[:n-1], `,"step":`...), int64(r.step), 10)
		buf = append(buf, '}')
	}
	h := c.W.Header()
	for name, lines := range r.header {
		if name != "Content-Length" && name != "Vary" { // those are of the step's own answer
			h[name] = lines
		}
	}
	err := c.Answer(r.status, nil, buf)
	c.Lend(buf)
	return err
}
