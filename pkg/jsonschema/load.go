// Package jsonschema checks values by JSON Schema (draft 2020-12 unless a schema says
// another), with formats asserted, and gives what the schema declares of them.
package jsonschema

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	js "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
)

// A Schema is compiled and immutable.
type Schema struct {
	root  *node
	nodes map[*js.Schema]*node
	check *js.Schema
	loop  *js.Schema // applies to itself without end; nil: none does
}

// A Source says where schemas may come from.
type Source struct {
	Dir  string               // schemas refer to files in this folder alone
	Read func(path string)    // is told each file that is read; may be nil
	At   diag.Pos             // where the manifest names the schema
	To   *diag.Problems       // what is wrong with it
	dir  string               // Dir from the root
	text map[string]*document // by path from the root
}

type document struct {
	text []byte
	tree *source.Node
}

// Load reads and compiles the schema in a file. It is nil when a problem was reported.
func Load(path string, s Source) *Schema {
	s.text = map[string]*document{}
	full, err := filepath.Abs(path)
	if err == nil {
		s.dir, err = filepath.Abs(s.Dir)
	}
	if err != nil {
		s.To.Add(s.At, "bad-schema", "the schema cannot be found: %v", err)
		return nil
	}
	c := js.NewCompiler()
	c.DefaultDraft(js.Draft2020)
	c.AssertFormat()
	c.UseLoader(&s)
	compiled, err := c.Compile(fileURL(full))
	if err != nil {
		s.report(err)
		return nil
	}
	out := &Schema{check: compiled, nodes: map[*js.Schema]*node{}}
	out.root = out.nodeOf(compiled)
	if out.loop != nil {
		s.add(out.loop.Location, "it refers to itself without end, so that no value can be checked")
		return nil
	}
	if len(out.Names()) == 0 {
		s.To.Add(s.placed(full, ""), "schema-open", "the schema declares no properties, so that nothing would be left of what it checks").Suggest("give it `properties`")
		return nil
	}
	return out
}

func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

func pathOf(location string) (string, bool) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "file" || u.Host != "" {
		return "", false
	}
	return filepath.FromSlash(u.Path), true
}

// maxFile bounds a schema in bytes.
const maxFile = 4 << 20

// Load reads a file that a schema refers to. It is the loader of the compiler, which asks for
// addresses too: those are never fetched.
func (s *Source) Load(location string) (any, error) {
	path, ok := pathOf(location)
	if !ok {
		return nil, errors.New("schemas are not fetched from elsewhere: keep a copy beside the manifest")
	}
	if within, err := filepath.Rel(s.dir, path); err != nil || !filepath.IsLocal(within) {
		return nil, errors.New("it is outside of the manifest's folder")
	}
	if s.Read != nil {
		s.Read(path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, reason(err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, reason(err)
	}
	v, err := js.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	s.text[path] = &document{text: text}
	return v, nil
}

// reason is an error of a file without its path, which stands beside it.
func reason(err error) error {
	var of *os.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// report places what is wrong in the schema's file, where that is known.
func (s *Source) report(err error) {
	var load *js.LoadURLError
	var meta *js.SchemaValidationError
	var regex *js.InvalidRegexError
	var faults *js.ValidationError
	switch {
	case errors.As(err, &load):
		s.unread(load)
	case errors.As(err, &meta) && errors.As(meta.Err, &faults):
		s.faults(meta.URL, faults)
	case errors.As(err, &regex):
		s.add(regex.URL, "the pattern %q is no regular expression of RE2: %v", regex.Regex, regex.Err)
	default:
		s.To.Add(s.At, "bad-schema", "the schema cannot be used: %s", s.short(err.Error()))
	}
}

func (s *Source) unread(err *js.LoadURLError) {
	what := err.URL
	if path, ok := pathOf(err.URL); ok {
		what = path
		if within, err := filepath.Rel(s.dir, path); err == nil {
			what = within
		}
	}
	s.To.Add(s.At, "bad-schema", "the schema %s cannot be read: %v", what, err.Err)
}

// faults reports what of the schema is no schema.
func (s *Source) faults(location string, e *js.ValidationError) {
	if len(e.Causes) == 0 {
		location, _, _ = strings.Cut(location, "#")
		s.add(location+"#"+pointer(e.InstanceLocation), "%s", e.BasicOutput().Error)
		return
	}
	causes := e.Causes
	if _, either := e.ErrorKind.(*kind.AnyOf); either {
		causes = []*js.ValidationError{likeliest(causes)}
	}
	for _, cause := range causes {
		s.faults(location, cause)
	}
}

// likeliest gives of several ways that do not fit the one that fits by its type.
func likeliest(ways []*js.ValidationError) *js.ValidationError {
	for _, way := range ways {
		leaf := way
		for len(leaf.Causes) > 0 {
			leaf = leaf.Causes[0]
		}
		if _, other := leaf.ErrorKind.(*kind.Type); !other {
			return way
		}
	}
	return ways[0]
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(p)))
	}
	return b.String()
}

func (s *Source) add(location, format string, args ...any) {
	file, fragment, _ := strings.Cut(location, "#")
	path, _ := pathOf(file)
	at := s.placed(path, fragment)
	p := s.To.Add(at, "bad-schema", "the schema is not valid: "+format, args...)
	if at != s.At {
		p.Relate(s.At, "it is used here")
	}
}

// placed finds a JSON pointer in the text of a schema; where it cannot, it is the place in
// the manifest.
func (s *Source) placed(path, fragment string) diag.Pos {
	d := s.text[path]
	if d == nil {
		return s.At
	}
	if d.tree == nil {
		shown := path
		if within, err := filepath.Rel(s.dir, path); err == nil {
			shown = filepath.Join(s.Dir, within) // as the manifest's own places are written
		}
		d.tree = source.Parse(shown, d.text, &diag.Problems{}) // JSON is YAML, nearly always
	}
	n := d.tree
	if n == nil {
		return s.At
	}
	at := n.At
	for _, step := range steps(fragment) {
		switch n.Kind {
		case source.Map:
			n = n.Get(step)
		case source.List:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(n.Items) {
				return at
			}
			n = n.Items[i]
		default:
			return at
		}
		if n == nil {
			return at
		}
		at = n.At
	}
	return at
}

func steps(fragment string) []string {
	if fragment == "" {
		return nil
	}
	list := strings.Split(strings.TrimPrefix(fragment, "/"), "/")
	for i, s := range list {
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
		list[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
	}
	return list
}

// short takes the folder out of a message of the compiler.
func (s *Source) short(text string) string {
	return strings.ReplaceAll(text, fileURL(s.dir)+"/", "")
}
