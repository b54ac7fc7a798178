package app_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

func TestZZ(t *testing.T) {
	for _, db := range apptest.Databases() {
		one, _ := opened(t, db.URL(t), notes()...)
		for _, p := range append(reads(), writes()...) {
			if a := p.send(one, eve); a.status >= 400 && a.status != 404 && a.status != 406 {
				t.Logf("%s %s: %d %s", db.Name, p, a.status, a.body)
			}
		}
		for _, p := range []probe{
			`POST /notes <- {"title":"x","folder_id":1}`, `POST /notes <- {"title":"x","folder_id":77}`, `PATCH /notes/3 <- {"folder_id":1}`, `PATCH /notes/3 <- {"folder_id":77}`, `PATCH /notes/3 <- {"parent_id":1}`,
			`POST /taggings <- {"note_id":1,"tag_id":3}`, `POST /taggings <- {"note_id":77,"tag_id":3}`, `POST /taggings <- {"note_id":3,"tag_id":1}`, `PATCH /remarks/3 <- {"note_id":1}`, `PATCH /remarks/3 <- {"note_id":77}`,`POST /remarks <- {"note_id":1,"text":"x"}`,`POST /remarks <- {"note_id":77,"text":"x"}`,
			`POST /notes <- {"title":"x","slug":"adamark-1"}`, `POST /notes?on_conflict=slug <- {"title":"x","slug":"adamark-1"} | Prefer: resolution=merge-duplicates,return=representation`, `POST /notes?on_conflict=slug <- {"title":"x","slug":"adamark-1"} | Prefer: resolution=ignore-duplicates,return=representation`,
			`POST /notes <- {"title":"x","id":1} | Prefer: resolution=merge-duplicates,return=representation`, `PUT /notes?id=eq.1 <- {"title":"x","id":1}`,`PUT /notes?id=eq.1 <- {"title":"x","id":1} | Prefer: return=representation`,
			`POST /notes?on_conflict=owner_id <- {"title":"x","slug":"a"} | Prefer: resolution=merge-duplicates`, `POST /remarks <- {"id":1,"note_id":3,"text":"x"} | Prefer: resolution=merge-duplicates,return=representation`,
			`POST /notes?on_conflict=slug <- [{"title":"x","slug":"same"},{"title":"x","slug":"same"}] | Prefer: resolution=merge-duplicates`,
			`POST /judged/notes <- {"title":"x","id":1} | Prefer: resolution=merge-duplicates,return=representation`,
			`PATCH /notes?select=id <- {"parent_id":1} | Prefer: return=representation`,
			`DELETE /folders/3`,
			`GET /notes | Accept: application/vnd.pgrst.plan+json`, `GET /vaults`, `GET /notes?select=vaults(*)`, `GET /`, `OPTIONS /notes/1`, `OPTIONS /notes/77`,
			`POST /notes <- {"title":"x","folder":{"name":"n"}}`, `POST /notes <- {"title":"x","remarks":[{"text":"n","note_id":1}]}`, `POST /notes <- {"title":"x","remarks":[{"id":1,"text":"n"}]} | Prefer: return=representation`,
			`POST /folders <- {"name":"x","notes":[{"title":"y","owner_id":1}]}`,`POST /folders?select=*,notes(*) <- {"name":"x","notes":[{"title":"y"}]} | Prefer: return=representation`,
		} {
			a := p.send(one, eve)
			t.Logf("%s %s: %d %s %s", db.Name, p, a.status, a.header, a.body)
		}
	}
}
