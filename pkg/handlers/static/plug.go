package static

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/handlers/internal/late"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// All lists the plugs.
func All() []*pipeline.Def { return []*pipeline.Def{Plug()} }

type settings struct {
	at, from           string
	only, onlyMatching []string

	fromAt diag.Pos
}

// Plug answers with the files of a folder, as Plug.Static does, and passes on what the
// folder does not have.
func Plug() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "static", Group: "answer", Places: pipeline.HTTP, Answers: pipeline.HTTP, Passes: true,
		Doc:   "Answers with a file of a folder; what is not there is passed on, and as the end of a route is 404.",
		Fails: []pipeline.Reason{{Name: "malformed", Status: http.StatusBadRequest}},
	}, describe, build)
}

func describe(s *pipeline.Settings, o *settings) {
	from := s.String(&o.from, "from", "", "The folder, relative to the manifest.").Require()
	from.Observe(func(n *source.Node) { o.fromAt = n.At })
	s.Main(from)
	var at diag.Pos
	s.String(&o.at, "at", "", "The path below which the files stand. Default: in endpoint.plugs /, in a route what its last parameter holds.").
		Observe(func(n *source.Node) { at = n.At })
	s.Strings(&o.only, "only", "First segments that are served; all when left out.")
	s.Strings(&o.onlyMatching, "only_matching", "Beginnings of first segments that are served.")
	s.Later("fallback")
	s.After(func(d *spec.Decoder, _ *source.Node) {
		if o.at != "" && (o.at[0] != '/' || strings.ContainsAny(o.at, `:*?#\`)) {
			d.Problems.Add(at, "wrong-value", "this is not the beginning of a path").Suggest("such as / or /assets")
		}
	})
}

func build(o settings, b *pipeline.Build) pipeline.Plug {
	dir := b.Env.Path(o.from)
	switch info, err := os.Stat(dir); {
	case err != nil:
		b.Problems.Warn(o.fromAt, "missing-folder", "there is no folder %q", o.from).Suggest("files are served as soon as it is there")
	case !info.IsDir():
		b.Problem(o.fromAt, "wrong-value", "%q is not a folder", o.from)
		return nil
	}
	if holds(dir, b.Env.Path(".")) {
		b.Problem(o.fromAt, "serves-manifest", "this folder holds the manifest itself, and with it data and secrets").Suggest("put the files into a folder of their own, such as public")
		return nil
	}
	var files *Files
	options := Options{Dir: dir, Only: o.only, OnlyMatching: o.onlyMatching}
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		files, err = pipeline.Get(l, fmt.Sprintf("static|%q|%q|%q", dir, o.only, o.onlyMatching), func() (*Files, func(), error) {
			f, err := New(options)
			if errors.Is(err, ErrMissing) {
				err = nil
			}
			if err != nil {
				return nil, nil, err
			}
			return f, f.Close, nil
		})
		return err
	})
	find := o.finder(b.Place)
	return func(c *pipeline.Context) (any, error) {
		name, ok := find(c)
		if !ok {
			return nil, nil
		}
		return nil, serve(files, c, name)
	}
}

// finder gives the way to the name of the file that is asked for.
func (o *settings) finder(place pipeline.Place) func(*pipeline.Context) (string, bool) {
	if o.at == "" && place == pipeline.Route {
		return func(c *pipeline.Context) (string, bool) {
			if n := len(c.Match.Params); n > 0 {
				return c.Match.Params[n-1], true
			}
			return c.R.URL.Path, true
		}
	}
	at := strings.TrimRight(o.at, "/")
	return func(c *pipeline.Context) (string, bool) {
		rest, below := strings.CutPrefix(c.R.URL.Path, at)
		return rest, below && strings.HasPrefix(rest, "/")
	}
}

func serve(files *Files, c *pipeline.Context, name string) error {
	w := late.New(c)
	served, err := files.Serve(w, c.R, name)
	var refusal *Refusal
	switch {
	case w.Err() != nil:
		return w.Err()
	case errors.As(err, &refusal):
		return pipeline.Refuse(refusal.Status, "malformed", "%s", refusal.Reason)
	case err == nil && served:
		c.Begin()
	}
	return err
}

// holds tells whether a folder is dir or lies inside dir.
func holds(dir, folder string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return false
	}
	rest, err := filepath.Rel(dir, folder)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}
