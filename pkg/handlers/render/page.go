package render

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// A page is a template with the files that it takes in.
type page struct {
	name     string
	dir      string
	set      *template.Template     // nil when there is a problem
	trees    map[string]*parse.Tree // as written, before escaping changed them
	texts    map[string]string      // of the files, by name
	problems []*diag.Problem
}

// load reads, parses and checks a template, once for all that use it.
func load(b *pipeline.Build, f File) *page {
	p, _ := b.Env.Memo("template|"+f.name, func() any { return read(b.Env, f) }).(*page)
	for _, problem := range p.problems {
		taken := *problem // a collector may add to it
		b.Problems.Take(&taken)
	}
	return p
}

func read(e *pipeline.Env, f File) *page {
	r := &reader{page: &page{name: f.name, dir: e.Path(folder), trees: map[string]*parse.Tree{}, texts: map[string]string{}}, env: e, set: template.New(f.name)}
	if r.file(f.name, f.at) && r.partials() && r.escape() {
		r.page.set = r.set
	}
	return r.page
}

// A reader makes a page.
type reader struct {
	*page
	env *pipeline.Env
	set *template.Template
}

func (r *reader) problem(at diag.Pos, code, format string, args ...any) *diag.Problem {
	p := &diag.Problem{At: at, Severity: diag.Error, Code: code, Message: fmt.Sprintf(format, args...)}
	r.problems = append(r.problems, p)
	return p
}

// file reads and parses one file. at is where it is named.
func (r *reader) file(name string, at diag.Pos) bool {
	path := r.path(name)
	r.env.Files.Add(path)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		p := r.problem(at, "missing-template", "there is no template %q", name)
		if p.Hint = diag.DidYouMean(name, filesOf(r.env)); p.Hint == "" {
			p.Suggest("create %s/%s beside the manifest", folder, name)
		}
		return false
	}
	if err != nil {
		r.problem(at, "missing-template", "the template %q cannot be read: %v", name, err)
		return false
	}
	if !utf8.Valid(raw) {
		r.problem(at, "encoding", "the template %q is not UTF-8", name)
		return false
	}
	r.texts[name] = string(raw)
	t := r.set
	if name != r.name {
		t = r.set.New(name)
	}
	if _, err := t.Parse(string(raw)); err != nil {
		r.parseProblem(name, err)
		return false
	}
	for _, t := range r.set.Templates() {
		if t.Tree != nil && r.trees[t.Name()] == nil {
			r.trees[t.Name()] = t.Tree.Copy()
		}
	}
	return true
}

// partials reads the files that {{template "file"}} takes in, and theirs.
func (r *reader) partials() bool {
	for {
		name, at, found := r.missing()
		if !found {
			return true
		}
		if !r.file(name, at) {
			return false
		}
	}
}

// missing finds a template that is taken in and not there yet.
func (r *reader) missing() (name string, at diag.Pos, found bool) {
	for _, in := range slices.Sorted(maps.Keys(r.trees)) {
		walk(r.trees[in].Root, func(n parse.Node) {
			if t, ok := n.(*parse.TemplateNode); ok && r.trees[t.Name] == nil && !found {
				name, at, found = t.Name, r.pos(r.trees[in].ParseName, int(t.Pos), len(t.Name)+2), true
			}
		})
	}
	return name, at, found
}

var errStop = errors.New("stop")

// stopped is written to so that a template is escaped and does not run.
type stopped struct{}

func (stopped) Write([]byte) (int, error) { return 0, errStop }

// escape makes html/template find the place of every value, which it does when a template
// first runs.
func (r *reader) escape() bool {
	err := r.set.Execute(stopped{}, nil)
	var fault *template.Error
	if !errors.As(err, &fault) {
		return true
	}
	r.problem(r.placeOf(fault), "template", "%s", inWords(fault))
	return false
}

// placeOf finds where html/template met a fault: at a node, or on a line.
func (r *reader) placeOf(fault *template.Error) diag.Pos {
	if fault.Node != nil {
		location, _ := (&parse.Tree{}).ErrorContext(fault.Node)
		file, _, _ := strings.Cut(location, ":")
		return r.pos(file, int(fault.Node.Position()), 1)
	}
	file := r.name
	if tree := r.trees[fault.Name]; tree != nil && tree.ParseName != "" {
		file = tree.ParseName
	}
	return diag.Pos{File: r.path(file), Line: max(1, fault.Line), Column: 1}
}

// inWords says what html/template found, without the names of its states.
func inWords(fault *template.Error) string {
	switch fault.ErrorCode {
	case template.ErrEndContext:
		return "the template ends inside a tag, an attribute, a script or a style"
	case template.ErrBranchEnd:
		return "the arms of this branch end in different places: one inside a tag, attribute, script or style, the other not"
	case template.ErrRangeLoopReentry:
		return "this loop ends in another place than it begins, such as inside a tag, attribute, script or style"
	}
	return fault.Description
}

func (r *reader) parseProblem(name string, err error) {
	at := diag.Pos{File: r.path(name), Line: 1, Column: 1}
	message := err.Error()
	if m := regexp.MustCompile(`^(?:html/)?template: ?(.*?):(\d+): (.*)$`).FindStringSubmatch(message); m != nil {
		at.Line, _ = strconv.Atoi(m[2])
		message = m[3]
	}
	p := r.problem(at, "template", "%s", message)
	if strings.Contains(message, "function") {
		p.Suggest("compute it in the manifest, with `assign` or in `assigns`, and read it as a name")
	}
}

// execute runs the template. The error is ours.
func (p *page) execute(w *bytes.Buffer, data map[string]any) error {
	if err := p.set.Execute(w, data); err != nil {
		return fmt.Errorf("render %s: %w", p.name, err)
	}
	return nil
}
