package app_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

// notebook is what the attacks on resources attack: the notes of two owners, ada (1) and eve
// (2), with all that a resource can have. Who asks says so in X-User.
const notebook = `version: 1
name: notebook
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  folder: {table: folders, fields: {name: {type: string}, owner_id: {type: bigint, writable: false}}}
  note:
    table: notes
    timestamps: true
    fields:
      title:     {type: string, required: true}
      slug:      {type: string, unique: true}
      stars:     {type: integer}
      big:       {type: bigint}
      price:     {type: decimal}
      ratio:     {type: float}
      at:        {type: datetime}
      day:       {type: date}
      info:      {type: json}
      done:      {type: boolean}
      key:       {type: uuid}
      secret:    {type: string, hidden: true}
      owner_id:  {type: bigint, writable: false}
      version:   {type: bigint, writable: false}
      gone:      {type: datetime, writable: false}
      folder_id: {references: folder}
      parent_id: {references: note}
  tag: {table: tags, fields: {name: {type: string}, owner_id: {type: bigint, writable: false}}}
  tagging: {table: taggings, fields: {note_id: {references: note}, tag_id: {references: tag}}}
  remark: {table: remarks, fields: {text: {type: text}, note_id: {references: note, on_delete: cascade}}}
  vault: {table: vaults, fields: {pin: {type: string}}}
pipelines:
  known: [{assign: {me: "${request.headers['x-user'] ?? nil}"}}]
scopes:
  - pipe_through: known
    routes:
      - resources: /notes
        schema: note
        owner: {owner_id: "${me}"}
        embed: [folder, parent, notes, remarks, tags]
        version: version
        soft_delete: gone
        aggregates: true
        idempotency: 24h
        whole_table: [update, delete]
        routes:
          - resources: /remarks
            schema: remark
      - resources: /folders
        schema: folder
        owner: {owner_id: "${me}"}
        embed: [notes]
        whole_table: [update, delete]
      - resources: /tags
        schema: tag
        owner: {owner_id: "${me}"}
        embed: [notes]
      - resources: /taggings
        schema: tagging
        where: note_id in (select id from notes where owner_id = ${me})
        embed: [note, tag]
      - resources: /remarks
        schema: remark
        where: note_id in (select id from notes where owner_id = ${me})
        embed: [note]
      - batch: /batch
  - path: /judged
    pipe_through: known
    routes:
      - resources: /notes
        schema: note
        except: [index]
        allow: {show: string(record.owner_id) == me, create: "me != nil", update: string(record.owner_id) == me, delete: string(record.owner_id) == me}
`

const eve = "X-User: 2"

// adas is in every text of ada's, and must be in no answer to anybody else.
const adas = "adamark"

// notes seeds the notebook: what is ada's has the ids 1 and 2, and eve's those behind.
func notes() []string {
	note := `insert into notes (title, slug, stars, big, price, info, done, secret, owner_id, version, folder_id, parent_id, inserted_at, updated_at) values `
	row := func(title, slug, numbers, owner, refers string) string {
		const at = `'2024-01-01T00:00:00.000000Z'`
		return note + "('" + title + "', '" + slug + "', " + numbers + ", '{\"k\":\"" + title + "\"}', " + "DONE, 'never-leaves', " + owner + ", 1, " + refers + ", " + at + ", " + at + ")"
	}
	return []string{
		`insert into folders (name, owner_id) values ('adamark folder', 1), ('adamark other', 1), ('eve folder', 2), ('eve other', 2)`,
		row("adamark one", "adamark-1", "5, 500, 5.5", "1", "1, null"),
		row("adamark two", "adamark-2", "9, 900, 9.5", "1", "1, 1"),
		row("eve one", "eve-1", "3, 300, 3.5", "2", "3, null"),
		row("eve two", "eve-2", "4, 400, 4.5", "2", "3, 3"),
		row("eve three", "eve-3", "7, 700, 7.5", "2", "4, 3"),
		`insert into tags (name, owner_id) values ('adamark tag', 1), ('adamark tag two', 1), ('eve tag', 2)`,
		`insert into taggings (note_id, tag_id) values (1, 1), (2, 2), (3, 3), (4, 3)`,
		`insert into remarks (text, note_id) values ('adamark remark', 1), ('adamark remark', 2), ('eve remark', 3), ('eve remark two', 4)`,
		`insert into vaults (pin) values ('adamark pin')`,
	}
}

// A recorder keeps the statements that go to a store.
type recorder struct {
	store.Store
	mu  sync.Mutex
	sql []string
}

func (r *recorder) note(st *store.Statement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sql = append(r.sql, st.SQL)
}

// taken gives what was kept and begins anew.
func (r *recorder) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.sql
	r.sql = nil
	return list
}

func (r *recorder) Query(ctx context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	r.note(st)
	return r.Store.Query(ctx, st, args, limit)
}

func (r *recorder) Exec(ctx context.Context, st *store.Statement, args []any) (*store.Result, error) {
	r.note(st)
	return r.Store.Exec(ctx, st, args)
}

func (r *recorder) Encode(ctx context.Context, st *store.Statement, args []any, limit int, dst []byte) (store.Encoded, error) {
	r.note(st)
	return r.Store.Encode(ctx, st, args, limit, dst)
}

func (r *recorder) Tx(ctx context.Context, do func(store.Tx) error) error {
	return r.TxWith(ctx, store.TxOptions{}, do)
}

func (r *recorder) TxWith(ctx context.Context, o store.TxOptions, do func(store.Tx) error) error {
	return r.Store.TxWith(ctx, o, func(tx store.Tx) error { return do(recordedTx{tx, r}) })
}

type recordedTx struct {
	store.Tx
	to *recorder
}

func (t recordedTx) Query(ctx context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	t.to.note(st)
	return t.Tx.Query(ctx, st, args, limit)
}

func (t recordedTx) Exec(ctx context.Context, st *store.Statement, args []any) (*store.Result, error) {
	t.to.note(st)
	return t.Tx.Exec(ctx, st, args)
}

func (t recordedTx) Encode(ctx context.Context, st *store.Statement, args []any, limit int, dst []byte) (store.Encoded, error) {
	t.to.note(st)
	return t.Tx.Encode(ctx, st, args, limit, dst)
}

// found is the notebook with its tables as the database has them.
func found() string {
	head, routes, _ := strings.Cut(notebook, "pipelines:")
	head, _, _ = strings.Cut(head, "schemas:")
	const columns = "id, title, slug, stars, big, price, ratio, at, day, info, done, key, owner_id, version, gone, folder_id, parent_id, inserted_at, updated_at"
	for schema, table := range map[string]string{"note": "notes, fields: [" + columns + "]", "folder": "folders, fields: all", "tag": "tags, fields: all", "tagging": "taggings, fields: all", "remark": "remarks, fields: all"} {
		name, fields, _ := strings.Cut(table, ", ")
		written := regexp.MustCompile(`(?m)^( +)schema: ` + schema + "$")
		routes = written.ReplaceAllString(routes, "${1}table: "+name+"\n${1}"+fields)
	}
	return head + "pipelines:" + routes
}

// junction makes taggings a table that a database takes for one between two others.
func junction() []string {
	return []string{"drop table taggings", "create table taggings (note_id bigint not null references notes, tag_id bigint not null references tags, id bigint, primary key (note_id, tag_id))"}
}

// manifests are the notebook by its schemas, and by its tables.
func manifests() map[string]string { return map[string]string{"schemas": notebook, "tables": found()} }

// opened compiles a notebook over a database, with SQL run in it, and records what it asks.
func opened(t testing.TB, manifest, url string, statements ...string) (*app.App, *recorder) {
	t.Helper()
	a := apptest.Compile(t, notebook, url)
	if manifest != notebook {
		for _, sql := range junction() {
			if _, err := a.Env.Store("").Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
				t.Fatal(err)
			}
		}
		a = apptest.Compile(t, manifest, url)
	}
	st := a.Env.Store("")
	done := "1"
	if st.Store.Dialect() == store.Postgres {
		done = "true"
	}
	for _, sql := range statements {
		if _, err := st.Exec(t.Context(), &store.Statement{SQL: strings.ReplaceAll(sql, "DONE", done)}, nil); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	r := &recorder{Store: st.Store}
	st.Store = r
	return a, r
}

// A probe is a request: "METHOD PATH", or "METHOD PATH <- BODY", then " | Header: value"s.
type probe string

func (p probe) send(a http.Handler, headers ...string) answer {
	parts := strings.Split(string(p), " | ")
	request, body, _ := strings.Cut(parts[0], " <- ")
	method, path, _ := strings.Cut(request, " ")
	w := apptest.Request(a, method, path, body, append(slices.Clone(headers), parts[1:]...)...)
	w.Header().Del("X-Request-Id")
	return answer{w.Code, w.Header(), w.Body.String()}
}
