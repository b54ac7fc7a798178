package resource

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Pages are the keys of an entry that answers with pages.
type Pages struct {
	at    diag.Pos            // of `templates`
	files [actions]spec.Ref   // by the action that is a page
	told  [actions]*toldFlash // by the action that was done; nil: the default text
	flash *source.Node        // as written
}

// toldFlash is a text for the flash; a nil node says that there is none.
type toldFlash struct{ node *source.Node }

// Given tells whether the resource has pages.
func (p *Pages) Given() bool { return !p.at.IsZero() }

// pageActions are the actions that are pages.
func pageActions() []Action { return []Action{Index, Show, NewForm, EditForm} }

// doneActions are the actions that the flash tells of, by what it calls them.
func doneActions() map[string]Action {
	return map[string]Action{"created": Create, "updated": Update, "deleted": Delete}
}

func doneNames() []string { return []string{"created", "updated", "deleted"} }

func describePages(f *spec.Fields, e *Entry) {
	files := spec.Schema{}
	for _, a := range pageActions() {
		files[a.String()] = spec.Schema{"type": "string"}
	}
	schema := spec.Schema{"anyOf": []any{spec.Schema{"type": "string"}, spec.Schema{"type": "object", "properties": files, "additionalProperties": false}}}
	f.Add("templates", "folder, or map of pages to files", "The pages of a browser: a folder of `templates` that holds index.html, show.html, new.html and edit.html, or a file for each page. Adds the pages new and edit.",
		schema, e.Pages.readTemplates)
	texts := spec.Schema{}
	for _, name := range doneNames() {
		texts[name] = spec.Schema{"anyOf": []any{pipeline.TextValue(), spec.Schema{"const": false}}}
	}
	schema = spec.Schema{"anyOf": []any{spec.Schema{"const": false}, spec.Schema{"type": "object", "properties": texts, "additionalProperties": false}}}
	f.Add("flash", "map of texts, or false", "What the next page tells after a row was `created`, `updated` or `deleted`; the text sees `record`. Default: as Phoenix says it. false: nothing.",
		schema, e.Pages.readFlash)
	nodes(f, &e.Uploads, "uploads", "map of fields to settings of save_upload", "Fields that hold the name of a file, which a form sends: each with `to`, `types`, `max` and `name` as `save_upload` takes them.", uploadsSchema(e.SaveUpload))
}

// uploadsSchema is that of save_upload without `from`, by field.
func uploadsSchema(saveUpload *pipeline.Def) spec.Schema {
	if saveUpload == nil { // the entry is only described by its plug
		return spec.MapOf(spec.Schema{"type": "object"})
	}
	settings := spec.NewFields("`uploads`")
	for _, x := range saveUpload.Fields().List() {
		if x.Name != "from" {
			settings.Add(x.Name, x.Type, x.Doc, x.Schema, func(*spec.Decoder, *source.Node) {}).Required = x.Required
		}
	}
	return spec.MapOf(settings.Schema())
}

// readTemplates reads a folder, or a map of pages to files.
func (p *Pages) readTemplates(d *spec.Decoder, n *source.Node) {
	p.at = n.At
	switch {
	case n.Kind == source.Scalar && n.Value != "":
		if checkFile(d.Problems, n) {
			for _, a := range pageActions() {
				p.files[a] = spec.Ref{Name: path.Join(filepath.ToSlash(n.Value), a.String()+".html"), At: n.At}
			}
		}
	case n.Kind == source.Map:
		for _, e := range n.Entries {
			a, known := named(pageActions(), e.Key.Value)
			if !known {
				unknownAction(d.Problems, e.Key.At, e.Key.Value, names(pageActions()))
			} else if checkFile(d.Problems, e.Value) {
				p.files[a] = spec.Ref{Name: filepath.ToSlash(e.Value.Value), At: e.Value.At}
			}
		}
	default:
		d.Problems.Add(n.At, "wrong-type", "`templates` takes a folder, or a map of pages to files").Suggest("such as `templates: posts` or `templates: {index: posts/list.html}`")
	}
}

// checkFile tells a name that stays below the folder of templates.
func checkFile(ps *diag.Problems, n *source.Node) bool {
	switch {
	case n.Kind != source.Scalar || n.Value == "":
		ps.Add(n.At, "wrong-type", "expected the name of a template")
	case strings.Contains(n.Value, "${"):
		ps.Add(n.At, "wrong-value", "the name of a template cannot be computed: templates are checked when the manifest is loaded").Suggest("write a resource for each")
	case !filepath.IsLocal(filepath.FromSlash(n.Value)):
		ps.Add(n.At, "wrong-value", "%q is not inside the folder templates", n.Value)
	default:
		return true
	}
	return false
}

// readFlash reads the texts, or false for none.
func (p *Pages) readFlash(d *spec.Decoder, n *source.Node) {
	p.flash = n
	if isFalse(n) {
		for _, a := range doneActions() {
			p.told[a] = &toldFlash{}
		}
		return
	}
	if n.Kind != source.Map {
		d.Problems.Add(n.At, "wrong-type", "`flash` takes texts for created, updated and deleted, or false")
		return
	}
	for _, e := range n.Entries {
		a, known := doneActions()[e.Key.Value]
		switch {
		case !known:
			p := d.Problems.Add(e.Key.At, "unknown-key", "the flash does not tell of %q", e.Key.Value)
			if p.Hint = diag.DidYouMean(e.Key.Value, doneNames()); p.Hint == "" {
				p.Suggest("it tells what was %s", diag.OneOf(doneNames()))
			}
		case isFalse(e.Value):
			p.told[a] = &toldFlash{}
		case e.Value.Kind != source.Scalar || e.Value.Value == "":
			d.Problems.Add(e.Value.At, "wrong-type", "expected a text, or false")
		default:
			p.told[a] = &toldFlash{e.Value}
		}
	}
}

func isFalse(n *source.Node) bool {
	v, ok := n.Scalar().(bool)
	return n.Kind == source.Scalar && ok && !v
}

// paged checks what belongs to pages.
func (r *Resource) paged(env *pipeline.Env, ps *diag.Problems) {
	e := r.entry
	if !e.Pages.Given() {
		if e.Pages.flash != nil {
			ps.Add(e.Pages.flash.At, "needs-templates", "`flash` tells on pages what was done, and this resource has none").Suggest("write `templates: FOLDER`, or remove it")
		}
	} else {
		r.complete(ps)
		r.overridden(env, ps)
	}
	for _, u := range e.Uploads {
		r.upload(ps, u)
	}
}

// complete reports a page that is served and has no template.
func (r *Resource) complete(ps *diag.Problems) {
	missed := map[Action]bool{}
	for _, a := range Actions() {
		page, has := a.page()
		if !r.serves[a] || !has || r.entry.Pages.files[page].Name != "" || missed[page] {
			continue
		}
		missed[page] = true
		p := ps.Add(r.entry.Pages.at, "missing-template", "`templates` has no file for `%s`", page)
		if a != page {
			p.Message += ", which `" + a.String() + "` shows again when something is not valid"
		}
		p.Suggest("add `%s: FILE`, or leave out what is not to be served: `except: [%s]`", page, a)
	}
}

// overridden reports forms that could not say what they do: a browser sends only GET and
// POST.
func (r *Resource) overridden(env *pipeline.Env, ps *diag.Problems) {
	list := env.Manifest.Endpoint.Plugs
	if list == nil || !r.serves[Update] && !r.serves[Delete] {
		return
	}
	for _, item := range spec.Items(list) {
		if item.Kind == source.Scalar && diag.Nearest(item.Value, []string{"method_override"}) != "" || item.Get("method_override") != nil {
			return // one that is misspelt is told by itself
		}
	}
	ps.Add(r.entry.Pages.at, "needs-plug", "forms that update and delete need `method_override`, and endpoint.plugs does not have it").
		Suggest("add it to endpoint.plugs, or leave them out: `except: [update, delete]`")
}

func (r *Resource) upload(ps *diag.Problems, u spec.Named[*source.Node]) {
	i := r.table.Set.Index(u.Name)
	switch {
	case i < 0:
		ps.Add(u.At, "unknown-field", "%q is not a field of the schema %s", u.Name, r.table.Schema).Hint = r.table.Set.Suggest(u.Name)
	case !r.table.Set.Fields[i].HoldsText() || !r.table.Set.Fields[i].Writable:
		ps.Add(u.At, "wrong-field", "%q cannot hold the name of a file", u.Name).Suggest("it needs a field of the type string that a client may write")
	case u.Value.Kind != source.Map:
		ps.Add(u.Value.At, "not-a-map", "`%s` takes the settings of save_upload", u.Name).Suggest("such as `{to: uploads, types: [image/png, image/jpeg]}`")
	case u.Value.Get("from") != nil:
		ps.Add(u.Value.Get("from").At, "unknown-key", "the file comes from the field %q of the form", u.Name).Suggest("remove `from`")
	}
}
