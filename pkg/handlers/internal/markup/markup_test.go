package markup_test

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/handlers/internal/markup"
)

// expander knows the components that are given by name.
func expander(components map[string]string) *markup.Expander {
	return &markup.Expander{
		Component: func(name string) (*markup.Source, bool) {
			text, ok := components[name]
			if !ok {
				return nil, false
			}
			s, fault := markup.Parse("components/"+name+".html", text)
			return s, fault != nil
		},
		Known: func() []string { return nil },
	}
}

// Components that multiply end in a fault, not in all of the memory.
func TestGrowthIsBounded(t *testing.T) {
	doubling := map[string]string{"z": "x"}
	for c := 'a'; c < 'z'; c++ {
		next := string(c + 1)
		doubling[string(c)] = "<." + next + "/><." + next + "/>"
	}
	tests := []struct {
		name, page string
		components map[string]string
	}{
		{"components of components", "<.a/>", doubling},
		{"slots of slots", strings.Repeat("<.two>", 40) + "x" + strings.Repeat("</.two>", 40), map[string]string{"two": "{{.inner_block}}{{.inner_block}}"}},
		{"slots of slots in branches", strings.Repeat("<.two>", 40) + "x" + strings.Repeat("</.two>", 40), map[string]string{"two": "{{if true}}{{.inner_block}}{{.inner_block}}{{end}}"}},
		{"components in components", strings.Repeat("<.one>", 5000) + strings.Repeat("</.one>", 5000), map[string]string{"one": "{{.inner_block}}"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, fault := markup.Parse("a.html", tt.page)
			if fault != nil {
				t.Fatal(fault)
			}
			x := expander(tt.components)
			x.Expand(s, s.Trees["a.html"])
			if len(x.Faults) == 0 || !strings.Contains(x.Faults[0].Message, "more than") && !strings.Contains(x.Faults[0].Message, "beyond") {
				t.Errorf("faults: %v", x.Faults)
			}
		})
	}
}

func TestBranchesAreNotNestedTooDeep(t *testing.T) {
	_, fault := markup.Parse("a.html", strings.Repeat("{{if true}}", 500)+strings.Repeat("{{end}}", 500))
	if fault == nil || !strings.Contains(fault.Message, "deep") {
		t.Errorf("fault %v", fault)
	}
}

// FuzzExpand: nothing panics, places are inside of the text, and a file without components
// stays as it is.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{"", "<p>{{.a}}</p>", `<.card title={{.a}} class="b {{.c}}">x<:actions>{{.}}</:actions></.card>`, "<.card", "<.card title", "<.card title=", `<.card title="`, "</.card>", "<:actions>",
		`{{range $i, $x := .a}}<.card title={{$x}}>{{$i}}</.card>{{end}}`, "<!-- <.card/> -->", "<script><.card/></script>", `{{define "x"}}<.loop/>{{end}}`, `<.card title="ä&amp;"/>{{/* x */}}`, "{{- /* attrs: a */ -}}", "{"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, page, component string) {
		texts := map[string]string{"a.html": page, "components/fuzz.html": component,
			"components/card.html": `{{/* attrs: title?, class=c; slots: actions?; rest: x */}}{{.title}}{{.class}}<p{{.rest}}>{{range .title}}{{$.inner_block}}{{end}}{{if .actions}}{{.actions}}{{end}}</p>`,
			"components/loop.html": "<.loop/>"}
		components := map[string]string{}
		for name, text := range texts {
			if name, ok := strings.CutPrefix(name, "components/"); ok {
				components[strings.TrimSuffix(name, ".html")] = text
			}
		}
		s, fault := markup.Parse("a.html", page)
		if fault != nil {
			inside(t, texts, fault)
			return
		}
		for _, tree := range s.Trees {
			before := tree.Root.String()
			x := expander(components)
			out := x.Expand(s, tree)
			for _, fault := range x.Faults {
				if fault.Code != "" {
					inside(t, texts, fault)
				}
			}
			if !strings.Contains(page, "<.") && !strings.Contains(page, "</.") && out != tree || tree.Root.String() != before {
				t.Errorf("%q became %q", before, out.Root.String())
			}
		}
	})
}

func inside(t *testing.T, texts map[string]string, f *markup.Fault) {
	t.Helper()
	text, ok := texts[f.File]
	if !ok || f.At < 0 || f.At > len(text) || f.Message == "" {
		t.Errorf("a fault at %d of %q (%d bytes): %q", f.At, f.File, len(text), f.Message)
	}
}
