package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

// A difference is what is not the same in two databases, which nobody but ada may notice.
type difference struct {
	name       string
	both, here []string // SQL of both databases, and of the second alone
}

func differences() []difference {
	crossing := []string{`update notes set folder_id = 1, parent_id = 1 where id = 5`, `insert into taggings (note_id, tag_id) values (5, 1), (1, 3)`, `update notes set folder_id = 3, parent_id = 3 where id = 2`}
	return []difference{
		{"ada has no rows", nil, []string{
			`delete from remarks where note_id < 3`, `delete from taggings where note_id < 3`, `update notes set parent_id = null where id < 3`,
			`delete from notes where id < 3`, `delete from tags where id < 3`, `delete from folders where id < 3`}},
		{"ada has other values", crossing, []string{
			`update notes set title = 'adamark zzz', slug = 'adamark-' || (id + 7), stars = 0, big = -1, price = 0.5, info = null, gone = '2024-01-01T00:00:00.000000Z', version = 9 where id < 3`,
			`update folders set name = 'adamark a' where id < 3`, `update tags set name = 'adamark zzz' where id < 3`, `update remarks set text = null where note_id < 3`}},
	}
}

// reads are what eve asks of what is ada's, and of what is near it.
func reads() []probe {
	var list []probe
	for _, path := range []string{"/notes/1", "/notes/1?select=id", "/notes/1?select=id,folder(name)", "/judged/notes/1", "/judged/notes/1?select=id", "/notes/1/remarks", "/notes/1/remarks?select=text",
		"/notes/1/remarks/1", "/notes/3/remarks/1", "/notes/3/remarks/1?select=id", "/folders/1", "/folders/1?select=id,notes(id)", "/tags/1", "/taggings/1", "/remarks/1", "/remarks/1?select=note(title)"} {
		list = append(list, probe("GET "+path), probe("HEAD "+path), probe("GET "+path+" | Accept: application/vnd.pgrst.object+json"), probe("GET "+path+" | If-None-Match: *"), probe("GET "+path+" | Accept: text/csv"))
	}
	queries := []string{"", "id=eq.1", "id=in.(1,2,3)", "or=(id.eq.1,owner_id.eq.1)", "id=not.gt.2", "select=id&order=stars.desc", "select=id&order=stars&limit=1", "select=id&limit=2&offset=1", "select=id&order=id&after=WzBd",
		"select=id&order=stars&after=WzAsMF0", "title=like.adamark*", "slug=eq.adamark-1", "owner_id=eq.1", "owner_id=neq.2", "not.or=(owner_id.eq.2,id.eq.3)", "select=count()", "select=stars.sum(),big.max(),price.avg()",
		"select=owner_id,count()", "select=owner_id,stars.max()&order=owner_id", "select=folder_id,count()", "select=id,folder(name,notes(id,title))", "select=id,folder!inner(name)&folder.name=like.ada*", "select=id,folder(name)&folder=not.is.null",
		"select=id,folder(name)&folder=is.null", "select=id,parent(id,title,secret:stars)", "select=id,parent(id,owner_id,notes(id,title))", "select=id,notes(id,title,folder(name))", "select=id,notes(count())", "select=id,notes!inner(title)&notes.title=like.*ada*",
		"select=id,remarks(text,note(title))", "select=id,remarks(count())", "select=id,tags(name,notes(id,title))", "select=id,tags(count())", "select=id,tags!inner(name)", "select=id,tags(name)&tags=is.null", "select=id,tags(name)&tags=not.is.null",
		"select=id,folder(name)&order=folder(name).desc", "select=id,parent(title)&order=parent(stars)", "select=id,...folder(name)", "select=id,...parent(title,stars)", "select=id,...tags(name)", "select=id,...remarks(text)", "select=id,notes(id)&notes.order=stars.desc&notes.limit=1",
		"select=id,notes(id)&notes.owner_id=eq.1", "select=id,tags(id)&tags.or=(id.eq.1,owner_id.eq.1)", "select=id,folder(name,notes(count()))", "select=info->k&info->>k=like.ada*", "select=id&title=match.^ada", "select=id&or=(folder.is.null,id.eq.1),folder()",
		"select=id,parent()&parent=not.is.null", "select=id,parent!inner(id)&parent.title=like.ada*", "select=id,folder(name,...notes(title))"}
	for _, q := range queries {
		list = append(list, probe("GET /notes?"+q), probe("GET /notes?"+q+" | Prefer: count=exact"))
	}
	for _, q := range queries[:14] {
		list = append(list, probe("HEAD /notes?"+q+" | Prefer: count=exact"), probe("GET /notes?"+q+" | Prefer: count=planned"), probe("GET /notes?"+q+" | Prefer: count=estimated"),
			probe("GET /notes?"+q+" | Accept: application/vnd.pgrst.object+json"), probe("GET /notes?"+q+" | Accept: text/csv"), probe("GET /notes?"+q+" | Range: 0-0 | Range-Unit: items"), probe("GET /notes?"+q+" | If-None-Match: *"),
			probe("QUERY /notes <- "+q+" | Content-Type: application/x-www-form-urlencoded"))
	}
	for _, path := range []string{"/folders?select=*,notes(*)", "/folders?select=id,notes(count())", "/folders?select=id,notes!inner(id)", "/tags?select=*,notes(id,owner_id)", "/taggings?select=*,note(title),tag(name)", "/taggings?tag_id=eq.1",
		"/taggings?select=id,tag!inner(name)", "/taggings?select=id,note(id)&note=is.null", "/remarks?select=*,note(*)", "/remarks?note_id=lt.3", "/remarks?select=id,note!inner(title)&note.title=like.ada*", "/remarks?select=id,note(title)&order=note(title)"} {
		list = append(list, probe("GET "+path), probe("GET "+path+" | Prefer: count=exact"))
	}
	return list
}

// writes are what eve tries to do to what is ada's, and to all.
func writes() []probe {
	const rep = " | Prefer: return=representation, count=exact"
	x := `{"title":"x"}`
	var list []probe
	for _, target := range []string{"/notes/1", "/notes?id=eq.1", "/notes?owner_id=eq.1", "/notes?title=like.ada*", "/notes?or=(id.eq.1,id.eq.2)", "/judged/notes/1"} {
		for _, more := range []string{"", rep, " | If-Match: *", ` | If-Match: "v1"`, " | Prefer: return=headers-only", " | Prefer: handling=strict, max-affected=0", " | Accept: application/vnd.pgrst.object+json | Prefer: return=representation"} {
			list = append(list, probe("PATCH "+target+" <- "+x+more), probe("DELETE "+target+more), probe("PATCH "+target+" <- {}"+more))
		}
	}
	for _, write := range []string{`POST /notes <- {"title":"x","folder_id":1}`, `POST /notes <- [{"title":"x","folder_id":3},{"title":"x","folder_id":1}]`, `PATCH /notes/3 <- {"folder_id":1}`, `PATCH /notes?id=gt.0 <- {"parent_id":1}`, `PATCH /notes/3 <- {"parent_id":2,"stars":9}`, `PUT /notes?id=eq.3 <- {"id":3,"title":"x","parent_id":1}`,
		`POST /notes <- {"id":3,"title":"x","folder_id":1} | Prefer: resolution=merge-duplicates`, `POST /taggings <- {"note_id":1,"tag_id":3}`, `POST /taggings <- {"note_id":3,"tag_id":1}`, `PATCH /taggings?note_id=eq.3 <- {"tag_id":1}`, `POST /remarks <- {"text":"x","note_id":1}`, `PATCH /remarks/3 <- {"note_id":1}`, `PATCH /remarks?id=gt.0 <- {"note_id":1}`,
		`POST /notes <- {"title":"x","remarks":[{"text":"x","note_id":1}]}`, "POST /notes <- title,folder_id\nx,1 | Content-Type: text/csv"} {
		list = append(list, probe(write), probe(write+rep))
	}
	list = append(list, batched(append(list, reads()...))...)
	return append(list, probe("PUT /notes/1 <- "+x), probe("PATCH /notes/1?select=id,folder(name) <- "+x+rep), probe("PATCH /folders/1 <- {\"name\":\"x\"}"), probe("DELETE /folders/1"), probe("DELETE /folders?id=lt.3"+rep),
		probe("DELETE /tags/1"), probe("PATCH /tags?id=lt.3 <- {\"name\":\"x\"}"+rep), probe("DELETE /taggings/1"), probe("DELETE /taggings?id=lt.3"+rep), probe("PATCH /taggings?id=lt.3 <- {\"tag_id\":3}"+rep),
		probe("DELETE /remarks/1"), probe("PATCH /remarks/1 <- {\"text\":\"x\"}"), probe("PATCH /remarks?note_id=eq.1 <- {\"text\":\"x\"}"+rep), probe("DELETE /remarks?note_id=eq.1"+rep),
		probe("POST /notes/1/remarks <- {\"text\":\"x\"}"), probe("POST /notes/1/remarks <- {\"text\":\"x\"}"+rep), probe("PATCH /notes/1/remarks/1 <- {\"text\":\"x\"}"), probe("DELETE /notes/1/remarks/1"),
		probe("DELETE /notes/1/remarks?id=gt.0"+rep), probe("PATCH /notes/3/remarks/1 <- {\"text\":\"x\"}"), probe("DELETE /notes/3/remarks/1"), probe("PATCH /notes/3/remarks?id=lt.3 <- {\"text\":\"x\"}"+rep),
		probe("POST /notes <- {\"title\":\"x\",\"owner_id\":1}"), probe("PATCH /notes/3 <- {\"owner_id\":1}"), probe("POST /notes?select=id,folder(name) <- {\"title\":\"new\"}"+rep),
		probe("POST /notes?select=id,title <- {\"title\":\"once\"}"+rep+" | Idempotency-Key: k1"), probe("POST /notes?select=id,title <- {\"title\":\"once\"}"+rep+" | Idempotency-Key: k1"), probe("POST /notes <- {\"title\":\"other\"} | Idempotency-Key: k1"),
		probe("PATCH /notes/3?select=*,folder(name),parent(title),notes(title),tags(name),remarks(text) <- {\"stars\":1}"+rep),
		probe("PATCH /notes?select=id,folder(name),parent(title),tags(name) <- {\"stars\":2}"+rep), probe("DELETE /notes/5?select=id,parent(title)"+rep), probe("PATCH /folders?select=name,notes(title) <- {\"name\":\"mine\"}"+rep),
		probe("DELETE /notes?select=id,title,parent(title)"+rep), probe("GET /notes | Prefer: count=exact"), probe("GET /folders?select=*,notes(*) | Prefer: count=exact"))
}

// batched asks the same in batches: alone, and behind what is well.
func batched(list []probe) []probe {
	var out []probe
	for i, p := range list {
		request, body, _ := strings.Cut(string(p), " <- ")
		method, path, _ := strings.Cut(request, " ")
		if strings.Contains(string(p), " | ") || method != "GET" && i%2 == 1 || method == "HEAD" {
			continue
		}
		step := map[string]any{"method": method, "path": path}
		if body != "" {
			step["body"] = json.RawMessage(body)
		}
		text, err := json.Marshal([]any{map[string]any{"method": "GET", "path": "/notes?select=id&order=id&limit=1"}, step})
		if err != nil {
			continue // its body is no JSON
		}
		out = append(out, probe("POST /batch <- "+string(text)))
	}
	return out
}

// TestReach asks the same of two databases that differ only in what is ada's. Whatever is
// asked by eve, or by somebody without rows, the answers are the same to the letter, and
// ada's rows stay as they were.
func TestReach(t *testing.T) {
	for _, db := range apptest.Databases() {
		for kind, manifest := range manifests() {
			for _, d := range differences() {
				t.Run(db.Name+"/"+kind+"/"+d.name, func(t *testing.T) { d.unnoticed(t, db, manifest) })
			}
		}
	}
}

func (d difference) unnoticed(t *testing.T, db apptest.Database, manifest string) {
	seeds := append(notes(), d.both...)
	one, _ := opened(t, manifest, db.URL(t), seeds...)
	two, _ := opened(t, manifest, db.URL(t), append(seeds, d.here...)...)
	for _, a := range []*app.App{one, two} {
		analyzed(t, a)
	}
	before := [2]string{adasRows(t, one), adasRows(t, two)}
	for _, who := range []string{eve, "X-User: 3", "X-User: nobody", "X-Nobody: 1"} {
		for i, p := range append(reads(), writes()...) {
			if who == eve || i%5 == 0 { // those without rows meet the same rules
				alike(t, p, who, p.send(one, who), p.send(two, who))
			}
		}
	}
	if after := [2]string{adasRows(t, one), adasRows(t, two)}; after != before {
		t.Errorf("ada's rows are\n%v\nand were\n%v", after, before)
	}
}

// alike compares two answers, and looks for what is ada's.
func alike(t *testing.T, p probe, who string, one, two answer) {
	t.Helper()
	if one.whole() != two.whole() || one.status != two.status {
		t.Errorf("%s (%s)\n%d %s\nwhere ada differs:\n%d %s", p, who, one.status, one.whole(), two.status, two.whole())
	}
	if one.status >= 500 || strings.Contains(one.whole(), "adamark ") || strings.Contains(one.whole(), "never-leaves") {
		t.Errorf("%s (%s): %d %s", p, who, one.status, one.whole())
	}
}

// analyzed lets the planner know what the tables hold.
func analyzed(t *testing.T, a *app.App) {
	t.Helper()
	if _, err := a.Env.Store("").Exec(t.Context(), &store.Statement{SQL: "analyze"}, nil); err != nil {
		t.Fatal(err)
	}
}

// adasRows writes out all that is ada's.
func adasRows(t testing.TB, a *app.App) string {
	t.Helper()
	var all []byte
	for _, sql := range []string{"select * from notes where owner_id = 1 order by id", "select * from folders where owner_id = 1 order by id", "select * from tags where owner_id = 1 order by id",
		"select * from taggings where note_id < 3 order by note_id, tag_id", "select * from remarks where note_id < 3 order by id", "select * from vaults order by id"} {
		rows, err := a.Env.Store("").Encode(t.Context(), &store.Statement{SQL: sql, Reads: true}, nil, 0, all)
		if err != nil {
			t.Fatal(err)
		}
		all = append(rows.JSON, '\n')
	}
	return string(all)
}

// TestTaken: a row out of reach that is in the way of a new one tells that it is there, as the
// constraints of a database do, and nothing else. It stays as it is, and nothing is hung below it.
func TestTaken(t *testing.T) {
	const rep, merge, skip = " | Prefer: return=representation", " | Prefer: return=representation, resolution=merge-duplicates", " | Prefer: return=representation, resolution=ignore-duplicates"
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a, r := opened(t, notebook, db.URL(t), notes()...)
			before := adasRows(t, a)
			r.taken()
			for _, h := range []hostile{
				{`POST /notes <- {"title":"x","slug":"adamark-1"}` + rep, 422}, {`PATCH /notes/3 <- {"slug":"adamark-1"}` + rep, 422}, {`POST /notes?on_conflict=slug <- {"title":"x","slug":"adamark-1"}` + merge, 409}, {`POST /notes?on_conflict=slug <- [{"title":"x","slug":"eve-1"},{"title":"x","slug":"adamark-1"}]` + merge, 409},
				{`POST /notes <- {"title":"x","id":1}` + merge, 409}, {`PUT /notes?id=eq.1 <- {"title":"x","id":1}` + rep, 409}, {`POST /notes?on_conflict=slug <- {"title":"x","slug":"adamark-1"}` + skip, 201}, {`POST /notes <- {"title":"x","id":1}` + skip, 201}, {`POST /judged/notes <- {"title":"x","id":1}` + merge, 403},
				{`POST /remarks <- {"text":"x","note_id":1}` + rep, 422}, {`POST /remarks <- [{"text":"x","note_id":3},{"text":"x","note_id":1}]`, 422}, {`PATCH /remarks/3 <- {"note_id":1}`, 422}, {`PATCH /remarks/3 <- {"note_id":1}` + rep, 422}, {`PATCH /remarks?id=gt.0 <- {"note_id":1}`, 422}, {`PATCH /remarks?id=gt.0 <- {"note_id":1}` + rep, 422},
				{`POST /remarks <- {"id":1,"text":"x","note_id":3}` + merge, 409}, {`POST /remarks <- {"id":3,"text":"x","note_id":1}` + merge, 422}, {`PUT /remarks?id=eq.3 <- {"id":3,"text":"x","note_id":1}`, 422}, {`PUT /remarks?id=eq.1 <- {"id":1,"text":"x","note_id":3}`, 409}, {`POST /taggings <- {"note_id":1,"tag_id":3}` + rep, 422}, {`PATCH /taggings?id=gt.0 <- {"note_id":2}`, 422},
				{`POST /notes/1/remarks <- {"text":"x"}`, 404}, {`PATCH /notes/3/remarks/3 <- {"note_id":1}`, 422}, {`POST /notes <- {"title":"x","remarks":[{"text":"x","note_id":1}]}`, 422}, {`POST /notes <- {"title":"x","owner_id":1}`, 422},
			} {
				got := h.ask.send(a, eve)
				withstood(t, h.ask, got, r)
				if got.status != h.status || got.status == 201 && got.body != "[]" {
					t.Errorf("%s: %d %s, want %d", h.ask, got.status, got.body, h.status)
				}
			}
			if after := adasRows(t, a); after != before {
				t.Errorf("ada's rows are\n%s\nand were\n%s", after, before)
			}
		})
	}
}
