package source

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// A Document is a manifest with all that it includes.
type Document struct {
	Root  *Node   // the sections of all files joined, without `include`; nil when the manifest itself could not be read as YAML
	Dir   string  // the manifest's folder
	Files []*File // all that were read, in order: the manifest, then what it includes, each before its own includes
	Globs []string
	// Globs are the patterns under `include`, as path/filepath.Glob takes them, for whoever
	// watches for new files.
}

// Text gives the text of a file by the name that problems show, "" when there is none.
func (d *Document) Text(name string) string {
	for _, f := range d.Files {
		if f.Name == name {
			return f.Text
		}
	}
	return ""
}

// Load reads the manifest at path and everything that it includes. What is wrong is added
// to ps: a document with problems holds what could be read, and nil is given when the
// manifest itself could not be opened.
func Load(path string, ps *diag.Problems) *Document {
	l := loader{ps: ps, document: &Document{Dir: filepath.Dir(path)}, read: map[string]bool{}}
	raw, err := readFile(path)
	if err != nil {
		ps.Add(diag.Pos{File: path}, "unreadable", "the manifest cannot be read: %s", err)
		return nil
	}
	l.file(path, path, raw)
	if len(l.parts) > 0 && l.parts[0].file == l.document.Files[0] {
		l.document.Root = join(l.parts, ps)
	}
	return l.document
}

// A loader reads files, each once.
type loader struct {
	ps       *diag.Problems
	document *Document
	parts    []part
	read     map[string]bool // by identity
	chain    []link          // the files that are being read, the manifest first
}

// A part is the tree of one file.
type part struct {
	file *File
	root *Node
}

// A link is a file that includes the next one of a chain.
type link struct{ name, identity string }

// identity is the same for all the ways that lead to one file.
func identity(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}

// file reads one file, then what it includes.
func (l *loader) file(name, path string, raw []byte) {
	id := identity(path)
	l.read[id] = true
	f, ok := newFile(name, path, raw, l.ps)
	l.document.Files = append(l.document.Files, f)
	if !ok {
		return
	}
	root := f.parse(l.ps)
	if root == nil {
		return
	}
	if root.Kind != Map {
		l.ps.Add(root.At, "not-a-map", "a manifest is a map of sections, not a %s", root.kind()).
			Suggest("start with `version: 1`")
		return
	}
	l.parts = append(l.parts, part{file: f, root: root})
	l.chain = append(l.chain, link{name, id})
	if include := root.Get("include"); include != nil {
		l.includes(f, include)
	}
	l.chain = l.chain[:len(l.chain)-1]
}

// includes reads the value of `include`: a pattern or a list of them.
func (l *loader) includes(from *File, include *Node) {
	patterns := []*Node{include}
	if include.Kind == List {
		patterns = include.Items
	}
	for _, pattern := range patterns {
		text, ok := pattern.Scalar().(string)
		switch {
		case !ok || text == "":
			l.ps.Add(pattern.At, "bad-include", "`include` takes the name of a file, a pattern such as `routes/*.yaml`, or a list of them")
		case strings.Contains(text, "**"):
			l.ps.Add(pattern.At, "bad-include", "`**` in %q would match one folder only", text).
				Suggest("write one pattern for each depth: `routes/*.yaml`, `routes/*/*.yaml`")
		default:
			l.pattern(from, pattern, filepath.FromSlash(text))
		}
	}
}

// pattern reads the files that one pattern matches, in order.
func (l *loader) pattern(from *File, at *Node, pattern string) {
	dir := filepath.Dir(from.Path)
	if filepath.IsAbs(pattern) {
		dir = ""
	}
	glob := filepath.Join(escapeGlob(dir), pattern)
	l.document.Globs = append(l.document.Globs, glob)
	if !isGlob(pattern) {
		l.include(at, filepath.Join(dir, pattern))
		return
	}
	matches, err := filepath.Glob(glob)
	if err != nil {
		l.ps.Add(at.At, "bad-include", "%q is no pattern", pattern).Suggest("`[` needs a `]`; a `[` in a name is written `[[]`")
		return
	}
	slices.Sort(matches)
	for _, match := range matches {
		if !isHidden(glob, match) {
			l.include(at, match)
		}
	}
}

// include reads one file that `include` names.
func (l *loader) include(at *Node, path string) {
	id := identity(path)
	if i := slices.IndexFunc(l.chain, func(k link) bool { return k.identity == id }); i >= 0 {
		names := make([]string, 0, len(l.chain))
		for _, k := range l.chain[i:] {
			names = append(names, k.name)
		}
		l.ps.Add(at.At, "include-circle", "files include each other: %s -> %s", strings.Join(names, " -> "), names[0]).
			Suggest("put what is included into a folder of its own")
		return
	}
	if l.read[id] {
		return
	}
	raw, err := readFile(path)
	if err != nil {
		l.read[id] = true // told once
		l.ps.Add(at.At, "unreadable", "%s cannot be included: %s", path, err)
		return
	}
	l.file(path, path, raw)
}

func isGlob(pattern string) bool { return strings.ContainsAny(pattern, `*?[\`) }

// escapeGlob makes the name of a folder match only itself.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`, `\`, `[\\]`).Replace(dir)
}

// isHidden tells a match whose dot the pattern does not name, as in a shell: editors and
// Kubernetes keep such files and folders beside those that are meant.
func isHidden(glob, match string) bool {
	want := strings.Split(filepath.ToSlash(glob), "/")
	have := strings.Split(filepath.ToSlash(match), "/")
	for i := 1; i <= min(len(want), len(have)); i++ {
		if w, h := want[len(want)-i], have[len(have)-i]; strings.HasPrefix(h, ".") && h != ".." && !strings.HasPrefix(w, ".") {
			return true
		}
	}
	return false
}
