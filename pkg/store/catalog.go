package store

// A Catalog is what a database has: for resources that name a table, for the drift between
// the manifest and the database, and for migrations made from it.
type Catalog struct {
	Relations []CatalogRelation
	Functions []CatalogFunction // Postgres alone
}

// A CatalogRelation is a table or view.
type CatalogRelation struct {
	Schema, Name string // Schema "" on SQLite
	Visible      bool   // statements find it without the schema's name
	View         bool
	Insertable   bool // also of a view
	Updatable    bool
	Deletable    bool
	Comment      string
	Chooses      bool // a trigger may choose the answer of a write, by response.status and response.headers (Postgres)
	Columns      []CatalogColumn
	Key          []string           // the primary key's columns in their order; of a view, those of the table below when it has them all
	Uniques      []CatalogKey       // unique constraints and whole unique indexes
	References   []CatalogReference // also those that are seen through views, at either end
}

// A CatalogColumn is one column.
type CatalogColumn struct {
	Name      string
	Native    string // the database's name of the type: "character varying(20)", "integer[]", "app.color"
	Base      string // of a domain of a type that every Postgres has: that one's name; else ""
	Type      Type   // the nearest of ours; 0: none is near
	Plain     bool   // where Type is 0: the store writes JSON of it as the database does
	Nullable  bool
	Filled    bool     // there is a default, an identity or a sequence
	Generated bool     // computed by the database, or an identity that is always generated: nobody writes it
	Default   string   // as the database writes it; "" for none
	Values    []string // of an enum, or of a text with a check that allows these alone
	MaxLength int      // of a text; 0: no bound
	Comment   string
	// Of a domain that has implicit casts, their functions as SQL (Postgres): to the JSON in
	// which its values are answered, and from JSON and text in which they are sent. "": none.
	ToJSON, FromJSON, FromText string
}

// A CatalogKey is a unique constraint.
type CatalogKey struct {
	Name    string
	Columns []string
}

// A CatalogReference is a foreign key: a constraint that points at a row.
type CatalogReference struct {
	Name     string
	Columns  []string
	Schema   string // of the other table; "" on SQLite
	Table    string
	Refers   []string // its columns
	OnDelete OnDelete
	Single   bool // at most one row points at another: Columns are unique
	// Seen tells that no constraint says so: one of the two is a view that shows the
	// columns of the constraint Name.
	Seen bool
}

// A CatalogFunction is a function that can be called by name.
type CatalogFunction struct {
	Schema, Name string
	Visible      bool
	Comment      string
	Volatile     bool // it may write; stable and immutable ones do not
	Params       []FunctionParam
	Set          bool            // it gives rows
	One          bool            // of a set: it says of itself that it gives one row at most
	Void         bool            // it gives nothing
	Native       string          // the type of its value; of a row, the name of its relation
	Base         string          // of a value of a domain, as that of a column
	Plain        bool            // as that of a column
	Relation     string          // the table or view whose rows it gives, with its schema in RelationSchema; ""
	RelationOf   string          // that relation's schema
	Columns      []CatalogColumn // of rows that are no table's: out parameters, `returns table`
}

// A FunctionParam is one that a caller gives.
type FunctionParam struct {
	Name     string // "" for one that has none
	Native   string
	Type     Type
	Required bool
	Variadic bool
	// Relation is the table or view of which it takes a row, RelationOf its schema; "": none.
	Relation, RelationOf string
}

// Find gives a relation by the name that statements call it, or by schema.name; nil: there
// is none.
func (c *Catalog) Find(name string) *CatalogRelation {
	for i := range c.Relations {
		if r := &c.Relations[i]; r.Visible && r.Name == name || r.Schema != "" && r.Schema+"."+r.Name == name {
			return r
		}
	}
	return nil
}

// Names lists what Find knows by the shortest name.
func (c *Catalog) Names() []string {
	var names []string
	for _, r := range c.Relations {
		if r.Visible {
			names = append(names, r.Name)
		} else {
			names = append(names, r.Schema+"."+r.Name)
		}
	}
	return names
}
