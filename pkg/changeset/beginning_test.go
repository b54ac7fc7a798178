package changeset

import (
	"fmt"
	"testing"

	"github.com/openmanifest/gateway/pkg/value"
)

// What a form begins with: defaults, or a row, of what a client may write and see.
func TestBeginning(t *testing.T) {
	columns := value.NewColumns([]string{"id", "title", "status", "note"}, nil)
	tests := []struct {
		name   string
		record value.Object
		form   string
		status any
	}{
		{"nothing is there yet", nil, "map[n:7 status:draft title:<nil>]", "draft"},
		{"a row", &value.Row{Columns: columns, Values: []any{int64(1), "One", "published", "x"}}, "map[n:<nil> status:published title:One]", "published"},
		{"a row without a value", &value.Row{Columns: columns, Values: []any{int64(1), "One", nil, nil}}, "map[n:<nil> status:<nil> title:One]", nil},
	}
	set := mustCompile(t, `
title: {type: string, required: true}
status: {type: enum, values: [draft, published], default: draft}
n: {type: integer, default: "${3 + 4}"}
note: {type: string, hidden: true}
sum: {type: string, set: "${title ?? ''}"}
owner: {type: integer, writable: false}
`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := set.Beginning(tt.record)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(c.Form()); got != tt.form {
				t.Errorf("the form begins with %s, want %s", got, tt.form)
			}
			if v, given := c.Member("status"); v != tt.status || !given {
				t.Errorf("status is %v, %v, want %v", v, given, tt.status)
			}
		})
	}
	for i, want := range map[string]int{"status": 2, "title": 0} {
		if f := set.Fields[set.Index(i)]; len(f.Choices()) != want {
			t.Errorf("%s has the choices %q, want %d", i, f.Choices(), want)
		}
	}
}
