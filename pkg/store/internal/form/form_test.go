package form_test

import (
	"math"
	"testing"

	"github.com/openmanifest/gateway/pkg/store/internal/form"
)

func TestAppendFloat(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 1: "1", -1.5: "-1.5", 1e6: "1000000", 1e20: "100000000000000000000", 1e21: "1e+21", 1e-6: "0.000001", 1e-7: "1e-07",
		math.Inf(1): "Infinity", math.Inf(-1): "-Infinity", 0.1: "0.1",
	} {
		if got := string(form.AppendFloat(nil, f)); got != want {
			t.Errorf("%g is written %s, want %s", f, got, want)
		}
	}
}

func TestVerb(t *testing.T) {
	for sql, want := range map[string]string{
		"select 1": "select", "  INSERT into x": "insert", "(select 1)": "select", "-- begin\nupdate x": "update",
		"/* a */ /* b */\tdelete": "delete", "with": "with", "": "", "-- only": "", "/* open": "", ";;commit": "commit", "42": "", "begin;": "begin",
	} {
		if got := form.Verb(sql); got != want {
			t.Errorf("the verb of %q is %q, want %q", sql, got, want)
		}
	}
}

func TestBlank(t *testing.T) {
	for sql, want := range map[string]bool{"": true, " ;\n": true, "-- x": true, "/* x */;": true, "; 42": false, "(": false, "x": false} {
		if got := form.Blank(sql); got != want {
			t.Errorf("Blank(%q) = %v", sql, got)
		}
	}
}

func TestIsNumber(t *testing.T) {
	for text, want := range map[string]bool{"1": true, "-1.5e3": true, "": false, "-": false, "NaN": false, "0x1": false, "1_0": false, "Inf": false} {
		if got := form.IsNumber(text); got != want {
			t.Errorf("IsNumber(%q) = %v", text, got)
		}
	}
}
