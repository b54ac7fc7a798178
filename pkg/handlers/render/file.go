package render

import (
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// folder is where templates stand, beside the manifest.
const folder = "templates"

// A File is a template named in the manifest.
type File struct {
	name string // with slashes, below the folder; "" is none
	at   diag.Pos
	none bool // written as false: no layout
}

// NewFile names a template below the folder `templates`. at is where it is named.
func NewFile(name string, at diag.Pos) File {
	return File{name: filepath.ToSlash(filepath.Clean(name)), at: at}
}

// Bind describes the setting that names the file.
func (f *File) Bind(s *pipeline.Settings, name, doc string) *spec.Field {
	return s.Add(name, "file", doc, spec.Schema{"type": "string"}, func(d *spec.Decoder, n *source.Node) { f.decode(d, n) })
}

// BindLayout describes a setting that names a layout, or says with false that there is none.
func (f *File) BindLayout(s *pipeline.Settings, name, doc string) *spec.Field {
	return s.Add(name, "file or false", doc, spec.Schema{"anyOf": []any{spec.Schema{"type": "string"}, spec.Schema{"const": false}}},
		func(d *spec.Decoder, n *source.Node) {
			if v, ok := n.Scalar().(bool); ok && !v && n.Kind == source.Scalar {
				*f = File{at: n.At, none: true}
				return
			}
			f.decode(d, n)
		})
}

func (f *File) decode(d *spec.Decoder, n *source.Node) {
	name, isText := n.Scalar().(string)
	switch {
	case n.Kind != source.Scalar || !isText || name == "":
		d.Problems.Add(n.At, "wrong-type", "expected the name of a template")
	case strings.Contains(name, "${"):
		d.Problems.Add(n.At, "wrong-value", "the name of a template cannot be computed: templates are checked when the manifest is loaded").
			Suggest("render one or the other with `when:`")
	case !filepath.IsLocal(filepath.FromSlash(name)):
		d.Problems.Add(n.At, "wrong-value", "%q is not inside the folder %s", name, folder)
	default:
		*f = NewFile(name, n.At)
	}
}

// maxListed bounds the files that are looked at for a suggestion.
const maxListed = 10_000

// filesOf lists the templates that are there, for a suggestion.
func filesOf(e *pipeline.Env) []string {
	root := e.Path(folder)
	var names []string
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || len(names) == maxListed {
			return fs.SkipAll
		}
		if rel, err := filepath.Rel(root, path); err == nil && !entry.IsDir() {
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	return names
}
