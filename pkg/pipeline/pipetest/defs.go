package pipetest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// CheckDefs tests what is said of plugs: the reference, hover texts and the schema are made
// of it.
func CheckDefs(t *testing.T, defs []*pipeline.Def) {
	t.Helper()
	seen := map[string]bool{}
	for _, d := range defs {
		if seen[d.Name] {
			t.Errorf("%s stands twice in the list", d.Name)
		}
		seen[d.Name] = true
		switch {
		case d.Name == "" || d.Group == "":
			t.Errorf("a plug without name or group: %+v", d.Traits)
		case d.Places == 0:
			t.Errorf("%s can stand nowhere", d.Name)
		case d.Answers&^d.Places != 0 || d.Opens&^d.Places != 0:
			t.Errorf("%s answers where it cannot stand", d.Name)
		case d.Guard && !d.CanFail():
			t.Errorf("%s is a guard that cannot fail", d.Name)
		}
		checkDoc(t, d.Name, d.Doc)
		for _, r := range d.Fails {
			if r.Name == "" || r.Status < 400 {
				t.Errorf("%s fails with %+v", d.Name, r)
			}
		}
		fields := d.Fields()
		for _, f := range fields.List() {
			checkDoc(t, d.Name+"."+f.Name, f.Doc)
		}
		if _, err := json.Marshal(fields.Schema()); err != nil {
			t.Errorf("%s: the schema: %v", d.Name, err)
		}
	}
}

func checkDoc(t *testing.T, name, doc string) {
	t.Helper()
	if !strings.HasSuffix(doc, ".") {
		t.Errorf("%s: the doc %q is no sentence", name, doc)
	}
}
