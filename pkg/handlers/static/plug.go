package static

import (
	"net/http"
	"path"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// All lists the plugs.
func All() []*pipeline.Def { return []*pipeline.Def{Plug(), SendFile()} }

type settings struct {
	at, from           string
	only, onlyMatching []string
	index, fallback    string
	precompressed      bool
	cacheControl       string
	versioned          string
	types              []spec.Named[string]

	fromAt, fallbackAt   diag.Pos
	cacheAt, versionedAt diag.Pos // zero: not given
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
	var at, index diag.Pos
	s.String(&o.at, "at", "", "The path below which the files stand. Default: in endpoint.plugs /, in a route what its last parameter holds.").
		Observe(func(n *source.Node) { at = n.At })
	s.Strings(&o.only, "only", "First segments that are served; all when left out.")
	s.Strings(&o.onlyMatching, "only_matching", "Beginnings of first segments that are served.")
	s.String(&o.index, "index", "", "The file that answers for a folder, such as index.html. Default: none.").
		Observe(func(n *source.Node) { index = n.At })
	s.String(&o.fallback, "fallback", "", "As the end of a route: the file that answers for what is not there, such as index.html of an application in the browser.").
		Observe(func(n *source.Node) { o.fallbackAt = n.At })
	s.Bool(&o.precompressed, "precompressed", false, "Sends NAME.br or NAME.gz to a client that takes it.")
	s.String(&o.cacheControl, "cache_control", DefaultCacheControl, "The header of files asked for without ?vsn=.").
		Observe(func(n *source.Node) { o.cacheAt = n.At })
	s.String(&o.versioned, "versioned_cache_control", DefaultVersionedCacheControl, "The header of files asked for with ?vsn=, which never change.").
		Observe(func(n *source.Node) { o.versionedAt = n.At })
	typesSetting(s, &o.types)
	s.After(func(d *spec.Decoder, _ *source.Node) {
		if o.at != "" && (o.at[0] != '/' || strings.ContainsAny(o.at, `:*?#\`)) {
			d.Problems.Add(at, "wrong-value", "this is not the beginning of a path").Suggest("such as / or /assets")
		}
		if strings.ContainsAny(o.index, `/\`) || o.index != "" && o.index[0] == '.' {
			d.Problems.Add(index, "wrong-value", "this is not the name of a file").Suggest("such as index.html")
		}
		checkValue(d, o.cacheAt, o.cacheControl)
		checkValue(d, o.versionedAt, o.versioned)
	})
}

// typesSetting binds content types by ending or name.
func typesSetting(s *pipeline.Settings, to *[]spec.Named[string]) {
	s.Add("content_types", "map of texts", "Content types by ending, such as .foo, or by the name of a file.",
		spec.MapOf(spec.Schema{"type": "string"}), func(d *spec.Decoder, n *source.Node) {
			*to = nil
			if n.Kind != source.Map {
				d.Problems.Add(n.At, "not-a-map", "expected a map of endings to content types")
				return
			}
			for _, e := range n.Entries {
				if e.Value.Kind != source.Scalar || !strings.Contains(e.Value.Value, "/") {
					d.Problems.Add(e.Value.At, "wrong-value", "this is not a content type").Suggest("such as text/plain")
					continue
				}
				checkValue(d, e.Value.At, e.Value.Value)
				name := e.Key.Value
				if strings.HasPrefix(name, ".") {
					name = strings.ToLower(name)
				}
				*to = append(*to, spec.Named[string]{Name: name, At: e.Key.At, Value: e.Value.Value})
			}
		})
}

// checkValue reports what cannot stand in a header.
func checkValue(d *spec.Decoder, at diag.Pos, text string) {
	if strings.ContainsAny(text, "\r\n\x00") {
		d.Problems.Add(at, "bad-header", "a header cannot hold a line break")
	}
}

func build(o settings, b *pipeline.Build) pipeline.Plug {
	if o.fallback != "" && b.Place != pipeline.Route {
		b.Problem(o.fallbackAt, "fallback-place", "in endpoint.plugs a fallback would answer for every route").Suggest("write a route such as `get: /*path` with `static: {from: ..., fallback: ...}`")
		return nil
	}
	files := folderOf(b, o.options(b), o.from, o.fromAt)
	if files == nil {
		return nil
	}
	find := o.finder(b.Place)
	return func(c *pipeline.Context) (any, error) {
		name, ok := find(c)
		if !ok {
			return nil, nil
		}
		ask := Ask{Name: name, CacheControl: o.kept(c)}
		served, err := answer(files.Files, c, ask)
		if !served && err == nil && o.fallback != "" && mayFallBack(c, name) {
			_, err = answer(files.Files, c, Ask{Name: o.fallback, CacheControl: "no-cache"})
		}
		return nil, err
	}
}

// kept is the Cache-Control that a plug before this one left, which comes before the default:
// a file that only the owner of a session may have is not public. "" where there is none, or
// the manifest names another.
func (o *settings) kept(c *pipeline.Context) string {
	given := o.cacheAt
	if isVersioned(c.R) {
		given = o.versionedAt
	}
	if !given.IsZero() {
		return ""
	}
	return c.W.Header().Get("Cache-Control")
}

func (o *settings) options(b *pipeline.Build) Options {
	out := Options{Dir: b.Env.Path(o.from), Only: o.only, OnlyMatching: o.onlyMatching, Index: o.index,
		Precompressed: o.precompressed, CacheControl: o.cacheControl, Versioned: o.versioned, Types: map[string]string{}}
	for _, t := range o.types {
		out.Types[t.Name] = t.Value
	}
	return out
}

// mayFallBack tells a path that a page of the application could have: not that of a script
// or picture that is gone, whose reader can make nothing of a page.
func mayFallBack(c *pipeline.Context, name string) bool {
	get := c.R.Method == http.MethodGet || c.R.Method == http.MethodHead
	return get && contentType(path.Base(name)) == unknownType
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
