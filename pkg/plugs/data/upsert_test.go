package data_test

import (
	"fmt"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// Rows that are there already are changed or left, as the caller says, on both engines.
func TestRowsThatAreThere(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, head+routes, db.URL(t))
			var ps diag.Problems
			users := records.Of(a.Env, spec.Ref{Name: "user"}, "", &ps)
			if users == nil {
				t.Fatal(ps.All())
			}
			email := []int{users.Set.Index("email")}
			for _, tt := range []struct {
				name     string
				rows     []map[string]any
				conflict records.Conflict
				want     string // email and age of the rows that come back
			}{
				{"new", []map[string]any{{"email": "a", "age": "1"}, {"email": "b", "age": "2"}}, records.Conflict{On: email}, "[a 1][b 2]"},
				{"changed", []map[string]any{{"email": "a", "age": "3"}, {"email": "c", "age": "4"}}, records.Conflict{On: email}, "[a 3][c 4]"},
				{"left", []map[string]any{{"email": "b", "age": "5"}, {"email": "d", "age": "6"}}, records.Conflict{On: email, Ignore: true}, "[d 6]"},
				{"left, whatever is in the way", []map[string]any{{"email": "d", "age": "7"}}, records.Conflict{Ignore: true}, ""},
				{"in two forms", []map[string]any{{"email": "a"}, {"email": "e", "age": "8"}}, records.Conflict{On: email}, "[a 3][e 8]"},
			} {
				t.Run(tt.name, func(t *testing.T) {
					var list []*changeset.Changes
					for _, given := range tt.rows {
						c, err := users.Cast(changeset.Input{Given: given}, nil, apptest.Now())
						if err != nil {
							t.Fatal(err)
						}
						list = append(list, c)
					}
					rows, err := users.InsertAll(t.Context(), nil, list, tt.conflict)
					if err != nil {
						t.Fatal(err)
					}
					got := ""
					for _, row := range rows {
						email, _ := row.Member("email")
						age, _ := row.Member("age")
						got += fmt.Sprintf("[%v %v]", email, age)
					}
					if got != tt.want {
						t.Errorf("rows %s, want %s", got, tt.want)
					}
				})
			}
		})
	}
}
