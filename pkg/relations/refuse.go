package relations

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
)

// refuse makes a refusal without details and hint.
func refuse(status int, code, format string, args ...any) *postgrest.Error {
	return &postgrest.Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// tooMuch refuses what goes past one of our bounds, as PostgREST refuses what it cannot
// read.
func tooMuch(what string, bound int) *postgrest.Error {
	return refuse(http.StatusBadRequest, "PGRST100", "the request has more than %d %s", bound, what)
}

// noColumn is Postgres' undefined_column.
func noColumn(r *Relation, label, name string) *postgrest.Error {
	e := refuse(http.StatusBadRequest, "42703", "column %s.%s does not exist", label, name)
	e.Hint = hinted(r, label, name)
	return e
}

// noOperator is Postgres' undefined_function for an operator. PostgREST answers it with 404.
func noOperator(left, operator string) *postgrest.Error {
	e := refuse(http.StatusNotFound, "42883", "operator does not exist: %s %s unknown", left, operator)
	e.Hint = "No operator matches the given name and argument types. You might need to add explicit type casts."
	return e
}

// noStep refuses to go into text, which ->> made.
func noStep(step postgrest.Step) *postgrest.Error {
	e := noOperator("text", "->")
	if step.Text {
		e = noOperator("text", "->>")
	}
	if step.IsIndex {
		e.Message = strings.TrimSuffix(e.Message, "unknown") + "integer"
	}
	return e
}

// noFunction is Postgres' undefined_function.
func noFunction(name, argument string) *postgrest.Error {
	e := refuse(http.StatusNotFound, "42883", "function %s(%s) does not exist", name, argument)
	e.Hint = "No function matches the given name and argument types. You might need to add explicit type casts."
	return e
}

// noOrdering is Postgres' error for values that cannot be sorted.
func noOrdering(typ string) *postgrest.Error {
	e := refuse(http.StatusNotFound, "42883", "could not identify an ordering operator for type %s", typ)
	e.Hint = "Use an explicit ordering operator or modify the query."
	return e
}

// notGrouped is Postgres' grouping_error.
func notGrouped(label, name string) *postgrest.Error {
	return refuse(http.StatusBadRequest, "42803",
		"column %q must appear in the GROUP BY clause or be used in an aggregate function", label+"."+name)
}

// notHere refuses what the engine of this store has no means for (feature_not_supported).
func notHere(what string) *postgrest.Error {
	return refuse(http.StatusBadRequest, "0A000", "SQLite has no %s", what)
}

// notEmbedded refuses an order by a relation that `select` does not name.
func notEmbedded(name string) *postgrest.Error {
	e := refuse(http.StatusBadRequest, "PGRST108", "'%s' is not an embedded resource in this request", name)
	e.Hint = fmt.Sprintf("Verify that '%s' is included in the 'select' query parameter.", name)
	return e
}

// badEmbedFilter refuses any test of an embedding but that for null.
func badEmbedFilter(name string) *postgrest.Error {
	e := refuse(http.StatusBadRequest, "PGRST120", "Bad operator on the '%s' embedded resource", name)
	e.Details = "Only is null or not is null filters are allowed on embedded resources"
	return e
}

// manyOrder refuses an order by a relation that has several rows.
func manyOrder(origin, target string) *postgrest.Error {
	e := refuse(http.StatusBadRequest, "PGRST118", "A related order on '%s' is not possible", target)
	e.Details = fmt.Sprintf("'%s' and '%s' do not form a many-to-one or one-to-one relationship", origin, target)
	return e
}

func noAggregates() *postgrest.Error {
	return refuse(http.StatusBadRequest, "PGRST123", "Use of aggregate functions is not allowed")
}

// noLink tells that nothing of that name can be embedded (PostgREST.Error, NoRelBetween).
func noLink(r *Relation, name, hint string) *postgrest.Error {
	e := refuse(http.StatusBadRequest, "PGRST200",
		"Could not find a relationship between '%s' and '%s' in the schema cache", r.Name, name)
	with := ""
	if hint != "" {
		with = "' using the hint '" + hint
	}
	e.Details = fmt.Sprintf("Searched for a foreign key relationship between '%s' and '%s%s' in the schema '%s', but no matches were found.",
		r.Name, name, with, r.schema())
	if near := nearest(r, name); near != "" {
		e.Hint = fmt.Sprintf("Perhaps you meant '%s' instead of '%s'.", near, name)
	}
	return e
}

// ambiguous lists the links that a request may have meant (PostgREST.Error,
// AmbiguousRelBetween).
func ambiguous(r *Relation, name string, links []*Link) *postgrest.Error {
	e := refuse(http.StatusMultipleChoices, "PGRST201",
		"Could not embed because more than one relationship was found for '%s' and '%s'", r.Name, name)
	links = slices.SortedStableFunc(slices.Values(links), func(a, b *Link) int {
		return cmp.Or(a.rank()-b.rank(), strings.Compare(a.describe(r), b.describe(r)))
	})
	hints := make([]string, len(links))
	for i, l := range links {
		hints[i] = fmt.Sprintf("'%s!%s'", l.To.Name, l.hint())
		e.DetailsList = append(e.DetailsList, postgrest.Relationship{
			Cardinality:  l.cardinality(),
			Embedding:    r.Name + " with " + l.To.Name,
			Relationship: l.describe(r),
		})
	}
	e.Hint = fmt.Sprintf("Try changing '%s' to one of the following: %s. Find the desired relationship in the 'details' key.",
		name, strings.Join(hints, ", "))
	return e
}

func (r *Relation) schema() string {
	switch {
	case r.Schema != "":
		return r.Schema
	case r.Found != "":
		return r.Found
	}
	return "public"
}

func (l *Link) hint() string {
	switch {
	case l.Through != nil:
		return l.Through.Table
	case l.Constraint != "":
		return l.Constraint
	case len(l.Hints) > 0:
		return l.Hints[0]
	default:
		return l.On[0].Here
	}
}

// rank is the order in which PostgREST lists relationships.
func (l *Link) rank() int {
	return slices.Index([]string{"one-to-many", "many-to-one", "one-to-one", "many-to-many"}, l.cardinality())
}

func (l *Link) cardinality() string {
	switch {
	case l.Through != nil:
		return "many-to-many"
	case l.Single:
		return "one-to-one"
	case l.Many:
		return "one-to-many"
	default:
		return "many-to-one"
	}
}

func (l *Link) describe(r *Relation) string {
	list := func(pairs []Pair, there bool) string {
		names := make([]string, len(pairs))
		for i, p := range pairs {
			names[i] = p.Here
			if there {
				names[i] = p.There
			}
		}
		return "(" + strings.Join(names, ", ") + ")"
	}
	if j := l.Through; j != nil {
		return fmt.Sprintf("%s using %s%s and %s%s", j.Table, j.HereConstraint, list(j.Here, true), j.ThereConstraint, list(j.There, true))
	}
	return fmt.Sprintf("%s using %s%s and %s%s", l.Constraint, r.Name, list(l.On, false), l.To.Name, list(l.On, true))
}
