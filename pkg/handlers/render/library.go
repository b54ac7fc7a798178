package render

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/handlers/internal/markup"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// components is the folder of components, below the folder of templates.
const components = "components/"

// A library holds the files of the templates' folder, each read once for an application.
type library struct {
	env   *pipeline.Env
	dir   string
	files map[string]*entry
	pages map[string]*page
}

type entry struct {
	source  *markup.Source
	missing bool
	fault   *diag.Problem // without a place where the file is named, when it cannot be read
}

func libraryOf(e *pipeline.Env) *library {
	l, _ := e.Memo("templates", func() any {
		return &library{env: e, dir: e.Path(folder), files: map[string]*entry{}, pages: map[string]*page{}}
	}).(*library)
	return l
}

// path is where a template stands on disk, as problems name it.
func (l *library) path(name string) string { return filepath.Join(l.dir, filepath.FromSlash(name)) }

// maxFile bounds one file of a template, in bytes.
const maxFile = 1 << 20

// file reads and parses a file.
func (l *library) file(name string) *entry {
	if e := l.files[name]; e != nil {
		return e
	}
	e := &entry{}
	l.files[name] = e
	path := l.path(name)
	l.env.Files.Add(path)
	raw, err := readFile(path)
	at := diag.Pos{File: path, Line: 1, Column: 1}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.missing = true
	case err != nil:
		e.fault = &diag.Problem{Code: "missing-template", Message: fmt.Sprintf("the template %q cannot be read: %v", name, err)}
	case !utf8.Valid(raw):
		e.fault = &diag.Problem{Code: "encoding", Message: fmt.Sprintf("the template %q is not UTF-8", name)}
	default:
		var fault *markup.Fault
		if e.source, fault = markup.Parse(name, string(raw)); fault != nil {
			at = position(path, string(raw), fault.At, fault.Length)
			e.fault = &diag.Problem{At: at, Severity: diag.Error, Code: fault.Code, Message: fault.Message, Hint: fault.Hint}
		}
	}
	return e
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = errors.New("larger than 1 MB")
	}
	return raw, err
}

// component gives a component: the application's own, or the one that is built in.
func (l *library) component(name string) *entry {
	e := l.file(components + name + ".html")
	if text, ok := builtin()[name]; ok && e.missing {
		e.source, _ = markup.Parse(components+name+".html", text)
		e.missing = e.source == nil
	}
	return e
}

// componentNames lists the components that there are.
func (l *library) componentNames() []string {
	names := slices.Collect(maps.Keys(builtin()))
	for _, file := range filesOf(l.env) {
		name, isOne := strings.CutPrefix(strings.TrimSuffix(file, ".html"), components)
		if isOne && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// position is the place of bytes of a file's text.
func position(path, text string, offset, length int) diag.Pos {
	offset = min(max(offset, 0), len(text))
	start := strings.LastIndexByte(text[:offset], '\n') + 1
	column := utf8.RuneCountInString(text[start:offset]) + 1
	return diag.Pos{File: path, Line: strings.Count(text[:offset], "\n") + 1, Column: column, EndColumn: column + length}
}
