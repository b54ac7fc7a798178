package rpc

import (
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// anyMedia is the name of a domain whose values are answers of any type.
const anyMedia = "*/*"

// mediaOf is the media type that a function gives, "" for none: its value is of a domain that
// has the type's name (PostgREST's documentation, Media Type Handlers).
func mediaOf(f *store.CatalogFunction) string {
	quoted, ok := strings.CutSuffix(f.Native, `"`)
	if name := quoted[strings.LastIndexByte(quoted, '"')+1:]; ok && !f.Set && strings.Contains(name, "/") {
		return name
	}
	return ""
}

// accept chooses the form of the answer.
func (r *call) accept() (err error) {
	own := r.overload.media
	is := func(m postgrest.Media) bool { return own == anyMedia || own != "" && m.String() == own }
	r.media, err = postgrest.Accept(r.c.R.Header["Accept"], func(m postgrest.Media) bool { return rows.Media(m) || is(m) })
	if m := r.media; own != "" && (m.Kind == postgrest.AnyMedia || !rows.Media(m) && is(m)) {
		r.raw = postgrest.ParseMedia(own).ContentType()
		if own == anyMedia {
			r.raw = "application/octet-stream"
		}
	}
	return err
}

// fetchRaw takes the value as it is.
func (r *call) fetchRaw(tx store.Tx, plan *relations.Plan) error {
	got, err := tx.Query(r.c.Context(), r.all.statements.Of(plan, false), plan.Args, 1)
	if err != nil || len(got.Rows) == 0 {
		return err
	}
	r.rows = 1
	if r.prefer.Count != "" {
		r.total = 1
	}
	switch v := got.Rows[0][0].(type) {
	case nil:
	case []byte:
		r.body = v
	case string:
		r.body = []byte(v)
	default:
		r.body, err = value.AppendJSON(nil, v)
	}
	return err
}

// contentType is the header of the answer; the function may have chosen one.
func (r *call) contentType() []string {
	if r.raw != "" {
		return []string{r.raw}
	}
	return rows.ContentType(r.media)
}

// profiled checks that a request which names a schema means that of the function.
func (r *call) profiled() error {
	profile := "Content-Profile"
	if reads(r.c) {
		profile = "Accept-Profile"
	}
	asked := r.c.R.Header.Get(profile)
	if asked == "" {
		return nil
	}
	if asked != r.schema {
		return &postgrest.Error{Status: http.StatusNotAcceptable, Code: "PGRST106", Message: "Invalid schema: " + rows.Clip(asked),
			Hint: "Only the following schemas are exposed: " + r.schema}
	}
	r.c.W.Header()["Content-Profile"] = []string{asked}
	return nil
}
