package reference

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// PlugNames lists every plug, sorted.
func PlugNames() []string {
	var names []string
	for _, d := range app.Plugs() {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	return names
}

// PlugList writes one line for each plug, by group.
func PlugList(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, group := range groups() {
		fmt.Fprintf(w, "%s\n", group)
		for _, d := range inGroup(group) {
			fmt.Fprintf(w, "  %s\t%s\n", d.Name, sentence(d))
		}
	}
	return w.Flush()
}

func sentence(d *pipeline.Def) string {
	if d.Later {
		return "(not available in this version) " + d.Doc
	}
	return d.Doc
}

func groups() []string {
	var list []string
	for _, d := range app.Plugs() {
		if !slices.Contains(list, d.Group) {
			list = append(list, d.Group)
		}
	}
	return list
}

func inGroup(group string) []*pipeline.Def {
	var list []*pipeline.Def
	for _, d := range app.Plugs() {
		if d.Group == group {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *pipeline.Def) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Plug writes all that is known of one plug. ok is false when there is none of that name.
func Plug(out io.Writer, name string) (ok bool, err error) {
	i := slices.IndexFunc(app.Plugs(), func(d *pipeline.Def) bool { return d.Name == name })
	if i < 0 {
		return false, nil
	}
	d := app.Plugs()[i]
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\n%s\n\n", d.Name, sentence(d))
	for _, line := range facts(d) {
		fmt.Fprintf(w, "%s:\t%s\n", line[0], line[1])
	}
	f := d.Fields()
	if whole := f.WholeField(); whole != nil {
		fmt.Fprintf(w, "\nIts value is a %s: %s\n", whole.Type, whole.Doc)
		return true, w.Flush()
	}
	if len(f.List()) > 0 {
		fmt.Fprintln(w, "\nSettings:")
	}
	for _, x := range f.List() {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", x.Name, x.Type, settingDoc(f, x))
	}
	return true, w.Flush()
}

// facts are what is said of a plug beside its settings.
func facts(d *pipeline.Def) [][2]string {
	out := [][2]string{{"Stands in", d.Places.String()}}
	if d.Answers != 0 {
		out = append(out, [2]string{"Answers in", d.Answers.String()})
	}
	if d.Result != "" {
		out = append(out, [2]string{"Result", d.Result})
	}
	if len(d.Binds) > 0 {
		out = append(out, [2]string{"Binds", strings.Join(d.Binds, ", ")})
	}
	if len(d.Fails) > 0 {
		var reasons []string
		for _, r := range d.Fails {
			reasons = append(reasons, fmt.Sprintf("%s (%d)", r.Name, r.Status))
		}
		out = append(out, [2]string{"Fails with", strings.Join(reasons, ", ")})
	}
	if d.Guard {
		out = append(out, [2]string{"Guard", "its expressions are read strictly, and an error in them refuses"})
	}
	return out
}

func settingDoc(f *spec.Fields, x *spec.Field) string {
	var notes []string
	if x == f.MainField() {
		notes = append(notes, "the short form")
	}
	if x.Required {
		notes = append(notes, "required")
	}
	if x.Default != "" {
		notes = append(notes, "default "+x.Default)
	}
	if len(notes) == 0 {
		return x.Doc
	}
	return x.Doc + " (" + strings.Join(notes, ", ") + ")"
}
