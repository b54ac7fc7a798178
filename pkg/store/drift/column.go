package drift

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/ddl"
	"github.com/openmanifest/gateway/pkg/value"
)

// compareColumn tells how a column is not as declared. Its rules are looked at only when its
// type is right, since another type changes them too.
func (t *table) compareColumn(want *store.Column, have *store.CatalogColumn) {
	if !t.compareType(want, have) || t.have.View {
		return
	}
	switch {
	case have.Nullable && !want.Nullable:
		t.tell(MayBeNull, Rule, want, have, "may be null in the database, and the schema requires it")
	case !have.Nullable && want.Nullable && !want.Primary:
		severity := Rule
		if !have.Filled {
			severity = Fails
		}
		t.tell(MustNotBeNull, severity, want, have, "must not be null in the database, and the schema does not require it")
	}
	if want.Generated && !have.Filled {
		t.tell(NotFilled, Fails, want, have, "is not made by the database, and the schema counts on it")
	}
	if want.Default != nil && !want.Generated && !sameDefault(want, have.Default) {
		t.tell(MissingDefault, Rule, want, have, "does not have the schema's default in the database")
	}
	if want.Unique && !t.unique([]string{want.Name}) {
		t.add(Difference{Kind: MissingUnique, Severity: Rule, Table: t.need.Name, Column: want.Name, Columns: []string{want.Name},
			Need: t.need, Want: want, Have: have, In: t.have, detail: "may be the same in two rows in the database, and the schema says unique"})
	}
	if want.References != nil {
		t.compareReference(want, have)
	}
}

// compareType tells whether the column holds what is declared, but for bounds.
func (t *table) compareType(want *store.Column, have *store.CatalogColumn) bool {
	if family(want.Type) != family(have.Type) {
		t.tell(OtherType, t.severityOfType(want, have), want, have, fmt.Sprintf("is %s in the database, and %s in the schema", nativeOf(have), want.Type))
		return false
	}
	switch {
	case want.Type == store.Enum && !sameValues(want.Values, have.Values):
		t.compareValues(want, have)
	case want.Type == have.Type || isText(want.Type):
	case t.dialect == store.Postgres && (want.Type == store.Bigint || want.Type == store.Decimal):
		t.tell(OtherType, Fails, want, have, fmt.Sprintf("is %s in the database, which holds less than %s", nativeOf(have), want.Type))
	default:
		t.tell(OtherType, Rule, want, have, fmt.Sprintf("is %s in the database, and %s in the schema", nativeOf(have), want.Type))
	}
	if isText(want.Type) && want.Type != store.Enum {
		t.compareText(want, have)
	}
	return true
}

// severityOfType: SQLite stores what it is given, and Postgres writes types that have no word
// in the manifest as text.
func (t *table) severityOfType(want *store.Column, have *store.CatalogColumn) Severity {
	if t.dialect == store.SQLite || isText(want.Type) && (have.Type == 0 || have.Type == store.UUID) {
		return Rule
	}
	return Fails
}

func nativeOf(have *store.CatalogColumn) string {
	if have.Native == "" {
		return "of no type"
	}
	return have.Native
}

// family groups types whose values are read and written alike.
func family(t store.Type) store.Type {
	switch {
	case isText(t):
		return store.Text
	case t == store.Bigint:
		return store.Integer
	case t == store.Decimal:
		return store.Float
	default:
		return t
	}
}

func isText(t store.Type) bool { return t == store.String || t == store.Text || t == store.Enum }

func sameValues(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// compareValues tells a value that the database refuses from one that it takes besides.
func (t *table) compareValues(want *store.Column, have *store.CatalogColumn) {
	if have.Values == nil {
		t.tell(OtherValues, Rule, want, have, "may have any value in the database, and the schema names them")
		return
	}
	for _, v := range want.Values {
		if !slices.Contains(have.Values, v) {
			t.tell(OtherValues, Fails, want, have, fmt.Sprintf("cannot be %q in the database, which the schema allows", v))
			return
		}
	}
	t.tell(OtherValues, Rule, want, have, "may have values in the database that the schema does not name: "+
		strings.Join(slices.DeleteFunc(slices.Clone(have.Values), func(v string) bool { return slices.Contains(want.Values, v) }), ", "))
}

// compareText looks at the bounds that a database has on a text and the schema does not.
func (t *table) compareText(want *store.Column, have *store.CatalogColumn) {
	switch {
	case have.Values != nil:
		t.tell(OtherValues, Fails, want, have, "can only be one of "+strings.Join(have.Values, ", ")+" in the database, and any text in the schema")
	case have.MaxLength > 0:
		t.tell(OtherLength, Rule, want, have, fmt.Sprintf("has at most %d characters in the database", have.MaxLength))
	}
}

// sameDefault compares a declared default with SQL. Where the database writes values in a
// form of its own, some default is taken for the one that is meant.
func sameDefault(want *store.Column, have string) bool {
	if *want.Default == nil {
		return have == "" || strings.EqualFold(plain(have), "NULL")
	}
	switch want.Type {
	case store.Array, store.Date, store.Time, store.Datetime, store.Float, store.Decimal, store.Binary:
		return have != ""
	case store.JSON:
		return sameJSON(want, plain(have))
	}
	literal, err := ddl.Literal(want.Type, *want.Default)
	if err != nil {
		return false
	}
	if isText(want.Type) || want.Type == store.UUID {
		return plain(literal) == plain(have)
	}
	return strings.EqualFold(unquoted(literal), unquoted(plain(have)))
}

func sameJSON(want *store.Column, have string) bool {
	literal, err := ddl.Literal(want.Type, *want.Default)
	return err == nil && canonical(literal) == canonical(have) && canonical(have) != ""
}

// canonical writes JSON in a text literal in one form, "" for what is none.
func canonical(literal string) string {
	decoded, err := value.DecodeJSON([]byte(unquoted(literal)))
	if err != nil {
		return ""
	}
	text, err := value.AppendJSON(nil, decoded)
	if err != nil {
		return ""
	}
	return string(text)
}

func unquoted(literal string) string {
	return strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(literal, "'"), "'"), "''", "'")
}

// plain takes the casts and brackets off that Postgres adds: ('a'::text) is 'a'. Of a text
// with E before it, it takes each backslash once.
func plain(sql string) string {
	if end := strings.LastIndexByte(sql, '\''); end >= 0 {
		begin := strings.IndexByte(sql, '\'')
		text := sql[begin : end+1]
		if begin > 0 && sql[begin-1] == 'E' {
			text = strings.ReplaceAll(text, `\\`, `\`)
		}
		return text
	}
	sql, _, _ = strings.Cut(sql, "::")
	return strings.Trim(sql, "() ")
}

// compareReference looks for a foreign key of the column alone.
func (t *table) compareReference(want *store.Column, have *store.CatalogColumn) {
	meant := want.References
	for _, r := range t.have.References {
		if r.Seen || !t.same(r.Columns, []string{want.Name}) || !sameName(r.Table, meant.Table, t.dialect) || !t.same(r.Refers, []string{meant.Column}) {
			continue
		}
		if r.OnDelete != meant.OnDelete {
			t.tell(OtherDelete, Rule, want, have, fmt.Sprintf("has ON DELETE %s in the database, and the schema says %s", r.OnDelete, meant.OnDelete))
		}
		return
	}
	t.tell(MissingReference, Rule, want, have, fmt.Sprintf("does not reference %s.%s in the database", meant.Table, meant.Column))
}
