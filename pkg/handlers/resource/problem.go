package resource

import (
	"errors"
	"net/http"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// A problem is a refusal in the dialect's shape.
type problem = rows.Problem

// Codes of the dialect.
const (
	badParameter = "PGRST100"
	badBody      = "PGRST102"
	noPrivilege  = rows.NoPrivilege
)

func notFound() *problem {
	return &problem{Status: http.StatusNotFound, Code: "not_found", Message: "there is no such row"}
}

// notOneRow refuses the form of one row for several, or none.
func notOneRow(n int) *postgrest.Error { return rows.NotOne(n) }

func forbidden() *problem {
	return &problem{Status: http.StatusForbidden, Code: noPrivilege, Message: "this is not allowed"}
}

func invalid(errs map[string][]string) *problem {
	return &problem{Status: http.StatusUnprocessableEntity, Code: "invalid", Message: "some fields are not valid", Errors: errs}
}

func invalidFields(err error) *problem {
	var bad *changeset.Invalid
	if errors.As(err, &bad) {
		return invalid(bad.Errors)
	}
	return nil
}

// broken tells what a rule of the database refused: 422 where the schema declares the
// rule too, else what PostgREST answers.
func broken(b *records.Broken, deleting bool) *problem {
	if b.Declared && !deleting {
		return invalid(b.Errors)
	}
	p := &problem{Status: http.StatusBadRequest, Errors: b.Errors}
	switch b.Kind {
	case store.Unique:
		p.Status, p.Code, p.Message = http.StatusConflict, "23505", "a row with these values is there already"
	case store.ForeignKey:
		p.Status, p.Code, p.Message = http.StatusConflict, "23503", "a row that this one refers to is not there"
		if deleting {
			p.Message, p.Errors = "other rows refer to this one", nil
		}
	case store.NotNull:
		p.Code, p.Message = "23502", "a value is missing"
	case store.Check:
		p.Code, p.Message = "23514", "a value breaks a rule of the database"
	default:
		p.Code, p.Message = "22P02", "a value is not one that its column can hold"
	}
	return p
}

// unread tells what a read did not give. What the database refuses of a client's filters is
// told as PostgREST tells it.
func (x *rules) unread(c *pipeline.Context, err error) error {
	var asked *postgrest.Error
	var refused *problem
	if errors.As(err, &asked) || errors.As(err, &refused) {
		return err
	}
	if x.drifted(err) {
		return records.Ours(x.table.Store.Name, err)
	}
	if p := toldOf(c, err); p != nil {
		return p
	}
	return records.Ours(x.table.Store.Name, err)
}

// drifted tells that the database no longer has what the manifest declares: a statement of ours
// named it, and no client did. SQL can raise such a code too, on Postgres, where it has no
// position in a statement.
func (x *rules) drifted(err error) bool {
	var fault *store.Fault
	if x.table.Found || !errors.As(err, &fault) || fault.Position == 0 && x.table.Store.Dialect == expr.Postgres {
		return false
	}
	return fault.Told.Code == "42703" || fault.Told.Code == "42P01"
}

// toldOf makes a problem of what a database said of a statement that a client put together;
// nil where it is ours to answer for.
func toldOf(c *pipeline.Context, err error) *problem { return rows.Told(c, err) }

// problemOf gives the answer of an error, nil for one that is ours.
func problemOf(err error) *problem { return rows.Of(err) }
