package postgres

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/views"
)

// catalog reads off a database what store.Catalog holds. The maps are by oid.
type catalog struct {
	store     *Store
	out       *store.Catalog
	types     map[int64]pgType
	relations map[int64]int // index in out.Relations
	columns   map[int64][]attribute
}

// attribute is a column with the database's number of it.
type attribute struct {
	number int64
	store.CatalogColumn
}

// Catalog describes the tables, views and functions outside the system's schemas. The
// partitions of a table are left out: its rows are reached through it. It asks one question
// for each kind of thing, so what changes in between may be half seen.
func (s *Store) Catalog(ctx context.Context) (*store.Catalog, error) {
	c := &catalog{store: s, out: &store.Catalog{}, types: make(map[int64]pgType),
		relations: make(map[int64]int), columns: make(map[int64][]attribute)}
	for _, part := range []struct {
		what, sql string
		add       func(row []any)
	}{
		{"types", typesSQL, c.addType},
		{"tables", relationsSQL, c.addRelation},
		{"columns", attributesSQL, c.addAttribute},
		{"checks", checksSQL, c.addCheck},
		{"unique keys", indexesSQL, c.addIndex},
		{"foreign keys", foreignKeysSQL, c.addForeignKey},
		{"functions", functionsSQL, c.addFunction},
	} {
		result, err := s.Query(ctx, &store.Statement{SQL: part.sql, Reads: true}, nil, math.MaxInt)
		if err != nil {
			return nil, fmt.Errorf("read the %s of the database: %w", part.what, err)
		}
		for _, row := range result.Rows {
			part.add(row)
		}
	}
	origins, err := c.origins(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the views of the database: %w", err)
	}
	for oid, i := range c.relations {
		c.out.Relations[i].Columns = c.columnsOf(oid)
	}
	markSingle(c.out.Relations)
	views.See(c.out, origins)
	c.seeChoosing(origins)
	return c.out, nil
}

// text is the text in a column that may be null.
func text(v any) string {
	s, _ := v.(string)
	return s
}

// texts are those of a list, nil for none.
func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, e := range list {
		out = append(out, text(e))
	}
	return out
}

// pgType is a type as pg_type has it.
type pgType struct {
	name, family, category string
	base                   int64 // of a domain
	relation               int64 // whose rows it is; 0: it is no row
	length                 int64 // the modifier of a domain, -1 for none
	notNull                bool
	labels                 []string
	system                 bool // every Postgres has it
	asJSON                 bool // to_json makes more of it than its text
}

func (c *catalog) addType(row []any) {
	c.types[row[0].(int64)] = pgType{name: text(row[1]), family: text(row[2]), category: text(row[3]), base: row[4].(int64),
		relation: row[5].(int64), length: row[6].(int64), notNull: row[7].(bool), labels: texts(row[8]),
		system: row[9].(bool), asJSON: row[10].(bool)}
}

// base follows domains down. It tells the modifier, and whether one of them refuses null.
func (c *catalog) base(oid, modifier int64) (t pgType, length int64, notNull bool) {
	t = c.types[oid]
	for t.family == "d" {
		notNull = notNull || t.notNull
		modifier = max(modifier, t.length)
		t = c.types[t.base]
	}
	return t, modifier, notNull
}

// baseName is the name of the base of a domain, where every Postgres has it; "" of all else.
func (c *catalog) baseName(oid int64) string {
	base, _, _ := c.base(oid, -1)
	if c.types[oid].family != "d" || !base.system {
		return ""
	}
	return base.name
}

// plain tells a type that none of ours is near, and that the store writes as to_json does.
func (t pgType) plain() bool { return t.nearest() == 0 && !t.asJSON }

// nearest is the manifest's word for a type, 0 where it has none.
func (t pgType) nearest() store.Type {
	if t.name == "" {
		return 0
	}
	found := typeOf(t.name, t.family, t.category)
	if found == store.String && t.category != "S" && t.name != "char" {
		return 0
	}
	return found
}

func (c *catalog) addRelation(row []any) {
	may := row[5].(int64)
	c.relations[row[0].(int64)] = len(c.out.Relations)
	c.out.Relations = append(c.out.Relations, store.CatalogRelation{
		Schema: text(row[1]), Name: text(row[2]), Visible: row[3] == true, View: row[4].(bool),
		// The bits are 1 << CmdType (nodes/nodes.h): insert, update, delete.
		Insertable: may&8 != 0, Updatable: may&4 != 0, Deletable: may&16 != 0, Comment: text(row[6]), Chooses: row[7] == true,
	})
}

func (c *catalog) addAttribute(row []any) {
	base, modifier, domainNotNull := c.base(row[3].(int64), row[5].(int64))
	identity, generated, written := text(row[7]), text(row[8]), text(row[9])
	column := store.CatalogColumn{
		Name: text(row[2]), Native: text(row[4]), Base: c.baseName(row[3].(int64)),
		Type: base.nearest(), Plain: base.plain(),
		Nullable:  !row[6].(bool) && !domainNotNull,
		Filled:    identity != "" || written != "",
		Generated: identity == "a" || generated != "",
		Values:    base.labels, Comment: text(row[10]),
	}
	if generated == "" {
		column.Default = written
	}
	if modifier > 4 && (base.name == "varchar" || base.name == "bpchar") {
		column.MaxLength = int(modifier - 4) // VARHDRSZ is counted in
	}
	for _, made := range texts(row[11]) {
		represent(&column, made)
	}
	relation := row[0].(int64)
	c.columns[relation] = append(c.columns[relation], attribute{row[1].(int64), column})
}

// represent notes an implicit cast of a domain: source, target and function.
func represent(column *store.CatalogColumn, cast string) {
	const textOID, jsonOID = "25", "114" // pg_type.dat
	source, rest, _ := strings.Cut(cast, ",")
	target, function, _ := strings.Cut(rest, ",")
	switch {
	case target == jsonOID:
		column.ToJSON = function
	case source == jsonOID:
		column.FromJSON = function
	case source == textOID:
		column.FromText = function
	}
}

func (c *catalog) columnsOf(relation int64) []store.CatalogColumn {
	out := make([]store.CatalogColumn, len(c.columns[relation]))
	for i, a := range c.columns[relation] {
		out[i] = a.CatalogColumn
	}
	return out
}

// addCheck finds the values that a check leaves to one column.
func (c *catalog) addCheck(row []any) {
	columns := c.columns[row[0].(int64)]
	i := slices.IndexFunc(columns, func(a attribute) bool { return a.number == row[1].(int64) })
	if i >= 0 && columns[i].Values == nil {
		columns[i].Values = allowed(text(row[2]))
	}
}

// A check of values is one that pg_get_constraintdef writes for `column in ('a', 'b')`.
const literalPattern, castPattern = `E?'(?:[^']|'')*'`, `(?:::[a-z ]+)?`

var (
	textsOfCheck  = regexp.MustCompile(literalPattern)
	checkOfValues = regexp.MustCompile(`^CHECK \(\(\(?(?:"(?:[^"]|"")+"|[^"'() ]+)\)?` + castPattern + ` = (?:ANY \(\(?ARRAY\[)?(` +
		literalPattern + castPattern + `(?:, ` + literalPattern + castPattern + `)*)(?:\]\)?(?:::[a-z ]+\[\])?\))?\)\)$`)
)

// allowed reads the values of a check, nil where it says anything else.
func allowed(check string) (values []string) {
	if found := checkOfValues.FindStringSubmatch(check); found != nil {
		for _, quoted := range textsOfCheck.FindAllString(found[1], -1) {
			values = append(values, unquote(quoted))
		}
	}
	return values
}

// unquote reads a literal as the server writes it: with a backslash in it the literal begins
// with E, and has each twice.
func unquote(literal string) string {
	text, escaped := strings.CutPrefix(literal, "E")
	text = strings.ReplaceAll(text[1:len(text)-1], "''", "'")
	if escaped {
		text = strings.ReplaceAll(text, `\\`, `\`)
	}
	return text
}

func (c *catalog) relation(oid any) *store.CatalogRelation {
	i, ok := c.relations[oid.(int64)]
	if !ok {
		return nil
	}
	return &c.out.Relations[i]
}

func (c *catalog) addIndex(row []any) {
	r := c.relation(row[0])
	switch {
	case r == nil:
	case row[2].(bool):
		r.Key = texts(row[3])
	default:
		r.Uniques = append(r.Uniques, store.CatalogKey{Name: text(row[1]), Columns: texts(row[3])})
	}
}

func (c *catalog) addForeignKey(row []any) {
	from, to := c.relation(row[0]), c.relation(row[2])
	if from == nil || to == nil {
		return
	}
	from.References = append(from.References, store.CatalogReference{Name: text(row[1]), Columns: texts(row[4]),
		Schema: to.Schema, Table: to.Name, Refers: texts(row[5]), OnDelete: onDelete(text(row[3]))})
}

// markSingle finds the foreign keys whose columns are those of a key: they are one to one.
func markSingle(relations []store.CatalogRelation) {
	sorted := func(columns []string) []string { return slices.Sorted(slices.Values(columns)) }
	for _, r := range relations {
		for i := range r.References {
			columns := sorted(r.References[i].Columns)
			r.References[i].Single = slices.Equal(columns, sorted(r.Key)) ||
				slices.ContainsFunc(r.Uniques, func(k store.CatalogKey) bool { return slices.Equal(columns, sorted(k.Columns)) })
		}
	}
}

// origins tells what the columns of views show.
func (c *catalog) origins(ctx context.Context) (views.Origins, error) {
	result, err := c.store.Query(ctx, &store.Statement{SQL: rulesSQL, Reads: true}, nil, math.MaxInt)
	if err != nil {
		return nil, err
	}
	out := make(views.Origins)
	for _, row := range result.Rows {
		view := c.relation(row[0])
		if view == nil {
			continue
		}
		shown := make(map[string]views.Origin)
		for _, t := range targets(text(row[1])) {
			if below := c.relation(t.table); below != nil {
				name, of := c.columnAt(row[0].(int64), t.number), c.columnAt(t.table, t.column)
				shown[name] = views.Origin{Of: views.Name{Schema: below.Schema, Name: below.Name}, Column: of}
			}
		}
		out[views.Name{Schema: view.Schema, Name: view.Name}] = shown
	}
	return out, nil
}

// seeChoosing marks views through which one writes to tables whose triggers choose the answer.
func (c *catalog) seeChoosing(origins views.Origins) {
	choosing := make(map[views.Name]bool)
	for again := true; again; { // views may show views
		again = false
		for i := range c.out.Relations {
			r := &c.out.Relations[i]
			own := views.Name{Schema: r.Schema, Name: r.Name}
			for _, shown := range origins[own] {
				r.Chooses = r.Chooses || choosing[shown.Of]
			}
			again = again || r.Chooses && !choosing[own]
			choosing[own] = r.Chooses
		}
	}
}

func (c *catalog) columnAt(relation, number int64) string {
	columns := c.columns[relation]
	i, found := slices.BinarySearchFunc(columns, number, func(a attribute, n int64) int { return cmp.Compare(a.number, n) })
	if !found {
		return ""
	}
	return columns[i].Name
}
