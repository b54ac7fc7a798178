package pipeline

import (
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// Env is what an application has, for the plugs that are built for it. Compiling opens
// nothing: what a plug needs opened it asks for with OnOpen.
type Env struct {
	Manifest  *config.Manifest
	Functions *expr.Functions
	Hub       Broadcaster
	Now       func() time.Time
	Log       *slog.Logger
	Hasher    *password.Hasher
	Lenient   bool         // what belongs to the machine is a warning
	Observe   *observe.App // health and counters; nil: none

	// ReadCatalog asks a database what it has, over a connection of its own; for Catalog.
	ReadCatalog func(*Store) (*store.Catalog, error)

	Paths Paths // to be verified once the routes are known
	Files Files // read beside the manifest, to be watched
	SQL   []SQL // of the manifest, to be shown to the databases once they are open

	stores []*Store
	tables []store.Table
	opens  []func(*Lease) error
	memo   map[string]any
}

// SQL is a statement that stands in the manifest.
type SQL struct {
	Store     *Store
	Statement *store.Statement
	Place     func(position int) diag.Pos // of a character of the statement, from 1; 0 is its beginning
}

// Memo gives what make made for key, once for this application. One goroutine at a time.
func (e *Env) Memo(key string, make func() any) any {
	if v, ok := e.memo[key]; ok {
		return v
	}
	if e.memo == nil {
		e.memo = map[string]any{}
	}
	v := make()
	e.memo[key] = v
	return v
}

// OnOpen asks for something to be opened after compiling, before the application serves.
func (e *Env) OnOpen(open func(*Lease) error) { e.opens = append(e.opens, open) }

// Open opens what was asked for.
func (e *Env) Open(l *Lease) error {
	for _, open := range e.opens {
		if err := open(l); err != nil {
			return err
		}
	}
	return nil
}

// Path resolves a path of the manifest, relative to its folder.
func (e *Env) Path(path string) string {
	if filepath.IsAbs(path) || e.Manifest.Document == nil {
		return path
	}
	return filepath.Join(e.Manifest.Document.Dir, path)
}

// A Store is a declared database. It is opened before the application serves.
type Store struct {
	Name    string
	Dialect expr.Dialect
	store.Store
}

// Store finds a store by name; "" is the first one. It is nil where there is none.
func (e *Env) Store(name string) *Store {
	for _, s := range e.stores {
		if name == "" || s.Name == name {
			return s
		}
	}
	return nil
}

// AddStore declares a store.
func (e *Env) AddStore(s *Store) { e.stores = append(e.stores, s) }

// Stores lists the stores in the order declared.
func (e *Env) Stores() []*Store { return e.stores }

// NeedTable asks for a table of our own beside those of the schemas, in the first store.
func (e *Env) NeedTable(t store.Table) {
	if !slices.ContainsFunc(e.tables, func(other store.Table) bool { return other.Name == t.Name }) {
		e.tables = append(e.tables, t)
	}
}

// NeededTables lists the tables that NeedTable asked for.
func (e *Env) NeededTables() []store.Table { return e.tables }

// StoreNames lists the declared stores.
func StoreNames(e *Env) []string { return spec.NamesOf(e.Manifest.Stores) }

// TokenNames lists the declared tokens.
func TokenNames(e *Env) []string { return spec.NamesOf(e.Manifest.Tokens) }

// SchemaNames lists the declared schemas.
func SchemaNames(e *Env) []string { return spec.NamesOf(e.Manifest.Schemas) }

// UpstreamNames lists the declared upstreams.
func UpstreamNames(e *Env) []string { return spec.NamesOf(e.Manifest.Upstreams) }

// A Broadcaster sends to the members of a topic and closes connections by id.
type Broadcaster interface {
	// Broadcast sends to every member of topic. It refuses events of the protocol (phx_*). A
	// *Refusal `unavailable` means that this node's members alone got it.
	Broadcast(topic, event string, payload value.Payload) error
	// Disconnect closes every connection with this id. A *Refusal `unavailable` means those
	// of this node alone.
	Disconnect(id string) error
}

// A PathCheck is a path that must be answered by a declared GET route.
type PathCheck struct {
	Pattern string
	At      diag.Pos
}

// Paths collects what must be verified.
type Paths struct {
	mu   sync.Mutex
	list []PathCheck
}

// Add notes a path.
func (p *Paths) Add(c PathCheck) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, c)
}

// All gives what was noted.
func (p *Paths) All() []PathCheck {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.list)
}

// Files collects files and folders that the application was made from.
type Files struct {
	mu   sync.Mutex
	list []string
}

// Add notes a file.
func (f *Files) Add(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.list, path) {
		f.list = append(f.list, path)
	}
}

// All gives what was noted.
func (f *Files) All() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}
