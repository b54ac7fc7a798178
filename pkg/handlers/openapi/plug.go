package openapi

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// All lists the plugs.
func All() []*pipeline.Def { return []*pipeline.Def{Plug()} }

type settings struct {
	under                   []string
	title, version, summary string
}

// Plug answers with the description of the application's routes.
func Plug() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "openapi", Group: "answer", Places: pipeline.HTTP, Answers: pipeline.HTTP,
		Doc: "Answers with a description of the routes and resources (OpenAPI 3.1), made when the manifest is loaded.",
	}, func(s *pipeline.Settings, o *settings) {
		s.Main(s.Strings(&o.under, "under", "Beginnings of the paths that are described, such as /api. Default: all."))
		s.String(&o.title, "title", "", "The name of the API. Default: that of the manifest.")
		s.String(&o.version, "version", "1", "The version of the API.")
		s.String(&o.summary, "description", "", "What the API is for.")
		s.After(func(d *spec.Decoder, n *source.Node) {
			at := n.At
			if under := n.Get("under"); under != nil {
				at = under.At
			}
			for _, path := range o.under {
				if !strings.HasPrefix(path, "/") {
					d.Problems.Add(at, "wrong-value", "%q is not the beginning of a path", path).Suggest("such as /api")
				}
			}
		})
	}, func(o settings, b *pipeline.Build) pipeline.Plug {
		doc := &document{settings: o}
		docs := Of(b.Env)
		docs.wanted = append(docs.wanted, doc)
		return doc.serve
	})
}

// document is made once the routes are known, and does not change then.
type document struct {
	settings
	body []byte
	tag  []string
}

var (
	documentType = []string{"application/json"}
	noCache      = []string{"no-cache"} // it is asked for again, and mostly not sent again
)

func (d *document) serve(c *pipeline.Context) (any, error) {
	h := c.W.Header()
	h["Etag"], h["Cache-Control"] = d.tag, noCache
	if hasTag(c.R.Header["If-None-Match"], d.tag[0]) {
		return nil, c.Answer(http.StatusNotModified, nil, nil)
	}
	return nil, c.Answer(http.StatusOK, documentType, d.body)
}

// hasTag compares weakly, as If-None-Match does (RFC 9110 section 13.1.2). Our tags hold no
// comma.
func hasTag(lines []string, tag string) bool {
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
				return true
			}
		}
	}
	return false
}

// describes tells whether a path is one of those that the document is about.
func (d *document) describes(path string) bool {
	return len(d.under) == 0 || slices.ContainsFunc(d.under, func(prefix string) bool {
		prefix = strings.TrimSuffix(prefix, "/")
		return path == prefix || strings.HasPrefix(path, prefix+"/")
	})
}

// Documents are those of one application, and what plugs say for them.
type Documents struct {
	wanted  []*document
	schemes map[diag.Pos][]Scheme
	fields  map[diag.Pos][]Field
	calls   map[place]*Call
	batches map[place]*Batch
}

// place is where a route was built: an entry that is written once can make several.
type place struct {
	at   diag.Pos
	path string // of its keys
}

// Of gives the documents of an application.
func Of(env *pipeline.Env) *Documents {
	return env.Memo("openapi", func() any {
		return &Documents{schemes: make(map[diag.Pos][]Scheme), fields: make(map[diag.Pos][]Field), calls: make(map[place]*Call), batches: make(map[place]*Batch)}
	}).(*Documents)
}

// Asks notes what the plug at a place asks a caller for: one of the schemes.
func (d *Documents) Asks(at diag.Pos, schemes ...Scheme) { d.schemes[at] = schemes }

// AskedAt tells what the plug at a place asks for.
func (d *Documents) AskedAt(at diag.Pos) []Scheme { return d.schemes[at] }

// Takes notes that the plug at a place reads the fields of set that a client may write from
// params.
func (d *Documents) Takes(at diag.Pos, set *changeset.Set) {
	d.fields[at] = nil
	for i := range set.Fields {
		if f := FieldOf(&set.Fields[i]); f.Create {
			d.fields[at] = append(d.fields[at], f)
		}
	}
}

// TakenAt tells what the plug at a place reads.
func (d *Documents) TakenAt(at diag.Pos) []Field { return d.fields[at] }

// Calls notes what the route calls that is built.
func (d *Documents) Calls(b *pipeline.Build, c Call) { d.calls[place{b.At, b.Path}] = &c }

// CallAt tells what the route calls that was built at a place.
func (d *Documents) CallAt(at diag.Pos, path string) *Call { return d.calls[place{at, path}] }

// Does notes the batch that is built. Of its steps the rows are still to be found.
func (d *Documents) Does(b *pipeline.Build, batch Batch) { d.batches[place{b.At, b.Path}] = &batch }

// BatchAt tells of the batch that was built at a place.
func (d *Documents) BatchAt(at diag.Pos, path string) *Batch { return d.batches[place{at, path}] }

// Wanted tells whether a route answers with a document.
func (d *Documents) Wanted() bool { return len(d.wanted) > 0 }

// Make makes the documents. What a plug does not say itself is taken from all.
func (d *Documents) Make(all Description) error {
	for _, doc := range d.wanted {
		own := all
		own.Version, own.Summary = doc.version, doc.summary
		if doc.title != "" {
			own.Title = doc.title
		}
		own.Routes = slices.DeleteFunc(slices.Clone(all.Routes), func(r Route) bool { return !doc.describes(r.Path) })
		body, err := Generate(&own)
		if err != nil {
			return fmt.Errorf("describe the routes: %w", err)
		}
		sum := sha256.Sum256(body)
		doc.body, doc.tag = body, []string{`"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	return nil
}
