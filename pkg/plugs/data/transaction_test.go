package data_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const transfers = `version: 1
name: data
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  account:
    table: accounts
    fields:
      name: {type: string, required: true, unique: true}
      cents: {type: integer, default: 0, number: {min: 0}}
  entry: {table: entries, fields: {account_id: {references: account}, by_id: {references: account}, note: {type: string, required: true}}}
pipelines:
  noted:
    - insert: {schema: entry, values: {note: from a pipeline}}
scopes:
  - routes:
      - post: /accounts
        do:
          - insert: {schema: account, values: "${params}"}
            as: account
          - json: ${account.id}
      - get: /state
        do:
          - query: select name, cents from accounts order by id
            as: accounts
          - query: select note from entries order by id
            as: entries
          - json: {accounts: "${map(accounts, .cents)}", entries: "${map(entries, .note)}"}
      - post: /transfer
        do:
          - transaction:
              - query_one: select id, cents from accounts where id = ${params.from}
                as: from
              - update: {schema: account, id: "${from.id}", values: {cents: "${from.cents - int(params.cents)}"}}
              - query_one: select id, cents from accounts where id = ${params.to}
                as: to
                else:
                  - query: select cents from accounts order by id
                    as: left
                  - json: {reason: "${failure.reason}", now: "${map(left, .cents)}"}
              - update: {schema: account, id: "${to.id}", values: {cents: "${to.cents + int(params.cents)}"}}
                as: updated
              - insert: {schema: entry, values: {account_id: "${to.id}", by_id: "${params.by ?? nil}", note: "${params.note ?? nil}"}}
                as: entry
            else:
              - json: {reason: "${failure.reason}", errors: "${failure.errors}"}
          - json: {to: "${updated.cents}", entry: "${entry.note}"}
      - post: /refused
        do:
          - transaction:
              - execute: insert into entries (note) values ('never')
              - require: params.ok == 'yes'
          - text: kept
      - post: /fault
        do:
          - transaction:
              - execute: insert into entries (note) values ('never')
              - execute: insert into nowhere (a) values (1)
          - text: kept
      - post: /maybe
        do:
          - transaction:
              - query_one: select id from accounts where name = ${params.name}
                as: account
                else: continue
              - when: account == nil
                do:
                  - insert: {schema: account, values: {name: "${params.name}"}}
                    as: made
              - pipe_through: noted
            when: params.skip == nil
          - json: {made: "${made?.name}"}
      - post: /twice
        do:
          - transaction:
              - insert: {schema: account, values: {name: "${params.name}"}}
                as: account
                else: continue
              - insert: {schema: entry, values: {note: after}}
          - text: kept
      - post: /count/:id
        do:
          - transaction:
              - query_one: select id, cents from accounts where id = ${params.id} LOCK
                as: account
              - execute: update accounts set cents = ${account.cents + 1} where id = ${account.id}
          - text: ok
`

// compileTransfers makes the application for a database. Postgres must be told to keep a row
// that was read; SQLite has one writer.
func compileTransfers(t *testing.T, db apptest.Database) *app.App {
	t.Helper()
	lock := ""
	if db.Name == "postgres" {
		lock = "for update"
	}
	return apptest.Compile(t, strings.ReplaceAll(transfers, "LOCK", lock), db.URL(t))
}

func TestTransactions(t *testing.T) {
	two := []step{
		{"POST /accounts", `{"name":"a","cents":10}`, 200, "1"},
		{"POST /accounts", `{"name":"b"}`, 200, "2"},
	}
	untouched := step{"GET /state", "", 200, `{"accounts":[10,0],"entries":[]}`}
	tests := []struct {
		name  string
		steps []step
	}{
		{"all is kept, and names are seen behind it", []step{
			{"POST /transfer", `{"from":1,"to":2,"cents":4,"note":"hi"}`, 200, `{"to":4,"entry":"hi"}`},
			{"GET /state", "", 200, `{"accounts":[6,4],"entries":["hi"]}`},
		}},
		{"a rule that is broken at the end undoes all", []step{
			{"POST /transfer", `{"from":1,"to":2,"cents":4}`, 422, `{"reason":"invalid","errors":{"note":["can't be blank"]}}`}, untouched,
		}},
		{"a rule that is broken at the beginning", []step{
			{"POST /transfer", `{"from":1,"to":2,"cents":40}`, 422, `{"reason":"invalid","errors":{"cents":["must be greater than or equal to 0"]}}`}, untouched,
		}},
		{"a constraint that is broken is told by field", []step{
			{"POST /transfer", `{"from":1,"to":2,"cents":4,"note":"x","by":99}`, 422, `{"reason":"invalid","errors":{"by_id":["does not exist"]}}`}, untouched,
		}},
		{"no row is the else of the transaction", []step{
			{"POST /transfer", `{"from":9,"to":2,"cents":4}`, 404, `{"reason":"not_found","errors":{}}`}, untouched,
		}},
		{"the else of a plug inside answers when all is undone", []step{
			{"POST /transfer", `{"from":1,"to":9,"cents":4}`, 404, `{"reason":"not_found","now":[10,0]}`}, untouched,
		}},
		{"a guard inside undoes it", []step{
			{"POST /refused", `{"ok":"no"}`, 403, `~"reason":"forbidden"`}, untouched,
			{"POST /refused", `{"ok":"yes"}`, 200, "kept"},
			{"GET /state", "", 200, `{"accounts":[10,0],"entries":["never"]}`},
		}},
		{"an error of ours undoes it", []step{{"POST /fault", "", 500, `~"reason":"internal"`}, untouched}},
		{"what goes on when there is no row", []step{
			{"POST /maybe", `{"name":"c"}`, 200, `{"made":"c"}`},
			{"POST /maybe", `{"name":"c"}`, 200, `{"made":null}`},
			{"POST /maybe", `{"name":"d","skip":"1"}`, 200, `{"made":null}`},
			{"GET /state", "", 200, `{"accounts":[10,0,0],"entries":["from a pipeline","from a pipeline"]}`},
		}},
		{"nothing goes on behind a constraint that is broken", []step{
			{"POST /twice", `{"name":"a"}`, 409, `~"reason":"conflict"`}, untouched,
		}},
	}
	for _, db := range apptest.Databases() {
		for _, tt := range tests {
			t.Run(db.Name+"/"+tt.name, func(t *testing.T) {
				a := compileTransfers(t, db)
				run(t, a, two)
				run(t, a, tt.steps)
			})
		}
	}
}

// What one transaction has read and writes back, no other writes between.
func TestTransactionsSideBySide(t *testing.T) {
	const callers, each = 8, 5
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := compileTransfers(t, db)
			run(t, a, []step{{"POST /accounts", `{"name":"a"}`, 200, "1"}})
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					for range each {
						if w := apptest.Request(a, "POST", "/count/1", ""); w.Code != 200 {
							t.Errorf("%d %s", w.Code, w.Body)
						}
					}
				})
			}
			all.Wait()
			run(t, a, []step{{"GET /state", "", 200, fmt.Sprintf(`{"accounts":[%d],"entries":[]}`, callers*each)}})
		})
	}
}

func TestTransactionProblems(t *testing.T) {
	stores := strings.Replace(head, "stores: {main: {url: \"${env.DATABASE_URL}\"}}", "stores: {main: {url: \"${env.DATABASE_URL}\"}, other: {url: \"sqlite::memory:\"}}", 1) + "      - get: /x\n        do:\n"
	list := func(plugs ...string) string {
		out := stores + "          - transaction:\n"
		for _, p := range plugs {
			out += "              - " + p + "\n"
		}
		return out + "          - text: ok\n"
	}
	const write = "execute: delete from users"
	tests := []struct {
		name, yaml string
		want       []string
	}{
		{"an answer", list(write, "text: done"), []string{"`text` answers, and no answer stands inside a transaction"}},
		{"an answer in an else", list("query_one: {sql: select 1}\n                else: {text: no}", write), nil},
		{"another transaction", list(write, "transaction: ["+write+"]"), []string{"a transaction cannot stand inside another"}},
		{"a plug that waits", list(write, "http: http://127.0.0.1:9/"), []string{"`http` waits for others"}},
		{"another store", list(write, "query: {sql: select 1, store: other}"), []string{"a transaction has one store, and this is not main"}},
		{"a store of its own", list("query: {sql: select 1, store: other}", "insert: {schema: user, store: other, values: {email: a}}"), nil},
		{"another store in a branch", list(write, "when: params.a == 'b'\n                do: [{delete: {schema: user, id: 1, store: other}}]"), []string{"a transaction has one store, and this is not main"}},
		{"no store at all", list("assign: {a: 1}"), []string{"nothing in this transaction uses a store"}},
		{"nothing", stores + "          - transaction\n          - text: ok\n", []string{"nothing in this transaction uses a store"}},
		{"a fault inside is told once", list("exeute: delete from users"), []string{`unknown plug "exeute"`}},
		{"a name of it in its else", stores + "          - transaction: [{query_one: select 1 as n, as: row}]\n            else: {json: \"${row}\"}\n          - json: ${row}\n", []string{`no name "row" here`}},
		{"a name of it where it may be skipped", stores + "          - transaction: [{query_one: select 1 as n, as: row}]\n            when: params.a == 'b'\n          - require: row.n == 1\n          - text: ok\n", []string{"row may be nil here"}},
		{"else: continue", stores + "          - transaction: [" + write + "]\n            else: continue\n          - text: ok\n", []string{"`else: continue` is only for plugs with a result"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := apptest.Problems(t, tt.yaml); !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
