package render

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/handlers/internal/markup"
)

// A page is a template with the files that it takes in, components written out.
type page struct {
	name     string
	library  *library
	set      *template.Template     // nil when there is a problem
	trees    map[string]*parse.Tree // before escaping changed them
	texts    map[string]string      // of the files, by name
	problems []*diag.Problem
}

// page reads, parses and checks a template, once for all that use it.
func (l *library) page(f File) *page {
	p := l.pages[f.name]
	if p == nil {
		p = l.read(f)
		l.pages[f.name] = p
	}
	return p
}

// load gives a page and reports what is wrong with it.
func (l *library) load(ps *diag.Problems, f File) *page {
	p := l.page(f)
	for _, problem := range p.problems {
		taken := *problem // a collector may add to it
		if !inTemplates(l, taken.At.File) {
			taken.At = f.at // the name of the file is at fault, and here it is named
		}
		ps.Take(&taken)
	}
	return p
}

func inTemplates(l *library, file string) bool {
	return strings.HasPrefix(file, l.dir+string(filepath.Separator))
}

func (l *library) read(f File) *page {
	r := &reader{page: &page{name: f.name, library: l, trees: map[string]*parse.Tree{}, texts: map[string]string{}}, patterns: patterns{}}
	r.expander.Component = r.component
	r.expander.Known = l.componentNames
	if r.file(f.name, f.at) && r.partials() && r.functions() {
		r.escape()
	}
	return r.page
}

// A reader makes a page.
type reader struct {
	*page
	expander markup.Expander
	patterns patterns
}

func (r *reader) problem(at diag.Pos, code, format string, args ...any) *diag.Problem {
	p := &diag.Problem{At: at, Severity: diag.Error, Code: code, Message: fmt.Sprintf(format, args...)}
	r.problems = append(r.problems, p)
	return p
}

func (r *reader) component(name string) (s *markup.Source, faulty bool) {
	e := r.library.component(name)
	if e.fault != nil {
		fault := *e.fault
		if fault.At.IsZero() {
			fault.At = diag.Pos{File: r.library.path(components + name + ".html"), Line: 1, Column: 1}
		}
		fault.Severity = diag.Error
		r.problems = append(r.problems, &fault)
		return nil, true
	}
	if e.source != nil {
		r.texts[e.source.Name] = e.source.Text
	}
	return e.source, false
}

// file takes in one file. at is where it is named.
func (r *reader) file(name string, at diag.Pos) bool {
	e := r.library.file(name)
	if e.missing {
		p := r.problem(at, "missing-template", "there is no template %q", name)
		if p.Hint = diag.DidYouMean(name, filesOf(r.library.env)); p.Hint == "" {
			p.Suggest("create %s/%s beside the manifest", folder, name)
		}
		return false
	}
	if e.fault != nil {
		fault := *e.fault
		fault.Severity = diag.Error
		if fault.At.IsZero() {
			fault.At = at
		}
		r.problems = append(r.problems, &fault)
		return false
	}
	r.texts[name] = e.source.Text
	for _, tree := range slices.Sorted(maps.Keys(e.source.Trees)) {
		if r.trees[tree] != nil {
			r.problem(r.pos(name, 0, 1), "template", "%q is defined here and in %s", tree, r.trees[tree].ParseName)
			return false
		}
		r.trees[tree] = r.expander.Expand(e.source, e.source.Trees[tree])
	}
	return r.taken()
}

// taken reports what the expander found, each fault once.
func (r *reader) taken() bool {
	ok := len(r.expander.Faults) == 0
	for _, f := range r.expander.Faults {
		if f.Code != "" {
			r.problem(r.pos(f.File, f.At, f.Length), f.Code, "%s", f.Message).Hint = f.Hint
		}
	}
	r.expander.Faults = nil
	return ok
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
		markup.Walk(r.trees[in].Root, func(n parse.Node) {
			if t, ok := n.(*parse.TemplateNode); ok && r.trees[t.Name] == nil && !found {
				name, at, found = t.Name, r.pos(markup.FileOf(t), int(t.Pos), len(t.Name)+2), true
			}
		})
	}
	return name, at, found
}

// pos is the place of bytes of a file's text.
func (p *page) pos(file string, offset, length int) diag.Pos {
	text, ok := p.texts[file]
	if !ok { // written out of an attribute, which has no place of its own
		file, offset = p.name, 0
		text = p.texts[file]
	}
	return position(p.library.path(file), text, offset, length)
}

var errStop = errors.New("stop")

// stopped is written to so that a template is escaped and does not run.
type stopped struct{}

func (stopped) Write([]byte) (int, error) { return 0, errStop }

// escape makes html/template find the place of every value, which it does when a template
// first runs.
func (r *reader) escape() {
	set := template.New(r.name).Funcs(r.patterns.functions(r.library.env.Functions.BaseURL))
	for _, name := range slices.Sorted(maps.Keys(r.trees)) {
		t, err := set.AddParseTree(name, r.trees[name].Copy())
		if err != nil {
			r.problem(r.pos(r.name, 0, 1), "template", "%v", err)
			return
		}
		if name == r.name {
			set = t
		}
	}
	err := set.Execute(stopped{}, nil)
	var fault *template.Error
	if errors.As(err, &fault) {
		r.problem(r.placeOf(fault), "template", "%s", inWords(fault))
		return
	}
	r.page.set = set
}

// placeOf finds where html/template met a fault: at a node, or on a line.
func (r *reader) placeOf(fault *template.Error) diag.Pos {
	if fault.Node != nil {
		return r.pos(markup.FileOf(fault.Node), int(fault.Node.Position()), 1)
	}
	file := r.name
	if tree := r.trees[fault.Name]; tree != nil && tree.ParseName != "" {
		file = tree.ParseName
	}
	return diag.Pos{File: r.library.path(file), Line: max(1, fault.Line), Column: 1}
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

// execute runs the template. The error is ours.
func (p *page) execute(w *bytes.Buffer, data map[string]any) error {
	if err := p.set.Execute(w, data); err != nil {
		return fmt.Errorf("render %s: %w", p.name, err)
	}
	return nil
}
