package postgres

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openmanifest/gateway/pkg/store"
)

func TestKeyColumns(t *testing.T) {
	for _, tt := range []struct {
		detail string
		want   []string
	}{
		{"Key (email)=(a@b.c) already exists.", []string{"email"}},
		{"Key (a, b)=(1, (2)=(3)) already exists.", []string{"a", "b"}},
		{`Key ("first ""n""", b)=(1, 2) already exists.`, []string{`first "n"`, "b"}},
		{"Schlüssel »(email)=(x)« existiert bereits.", []string{"email"}},
		{"Key (lower(email))=(a) already exists.", []string{"lower(email)"}},
		{"", nil}, {")=(", nil}, {"Failing row contains (1, 2).", nil},
	} {
		if got := keyColumns(tt.detail); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("keyColumns(%q) = %q, want %q", tt.detail, got, tt.want)
		}
	}
}

func TestFirstQuoted(t *testing.T) {
	for message, want := range map[string]string{
		`insert or update on table "posts" violates foreign key constraint "x"`:   "posts",
		`Einfügen in Tabelle »posts« verletzt Fremdschlüssel`:                     "posts",
		`une instruction insert sur la table « posts » viole la contrainte « x »`: "posts",
		`Einfügen in „posts“`: "posts",
		`no name`:             "", `"half`: "",
	} {
		if got := firstQuoted(message); got != want {
			t.Errorf("firstQuoted(%q) = %q, want %q", message, got, want)
		}
	}
}

func TestClassify(t *testing.T) {
	unavailable, conflict, invalid, fault := new(*store.Unavailable), new(*store.Conflict), new(*store.Invalid), new(*store.Fault)
	for code, want := range map[string]any{
		"08006": unavailable, "53300": unavailable, "53400": fault, "57014": unavailable, "57P01": unavailable, "40001": unavailable, "40P01": unavailable,
		"55P03": unavailable, "25006": unavailable, "23505": conflict, "23503": conflict, "23001": conflict, "23514": conflict, "P0001": conflict,
		"22P02": invalid, "22003": invalid, "22021": invalid, "22012": invalid, "42601": fault, "42P01": fault, "42501": fault, "XX000": fault, "0A000": fault, "": fault,
	} {
		if err := classify(&pgconn.PgError{Code: code, Message: "m"}, 1); !errors.As(err, want) {
			t.Errorf("%s is %T, want %T", code, err, want)
		}
	}
	for routine, want := range map[string]int{"pg_strtoint32": 2, "exec_stmt_raise": 0} {
		var unfit *store.Invalid
		err := classify(&pgconn.PgError{Code: "22023", Routine: routine, Where: "PL/pgSQL function fits(text)\nunnamed portal parameter $2 = '...'"}, 3)
		if !errors.As(err, &unfit) || unfit.Param != want {
			t.Errorf("what %s says is of value %+v, want %d", routine, unfit, want)
		}
	}
	if err := classify(errors.New("EOF"), 0); !errors.As(err, unavailable) {
		t.Errorf("what the server did not say is %T", err)
	}
}

// TestDecodeShort: bytes that are not what they should be are an error and no panic.
func TestDecodeShort(t *testing.T) {
	for b := asText; b <= asOther; b++ {
		for n := range 40 {
			raw := make([]byte, n)
			for _, fill := range []byte{0, 1, 0x7f, 0xff} {
				for i := range raw {
					raw[i] = fill
				}
				for _, array := range []bool{false, true} {
					k := kind{base: b, array: array, fields: &[]field{{key: []byte(`"a":`)}}}
					_, err := k.decode(raw)
					_, encoded := k.appendJSON(nil, raw, time.UTC)
					if (err == nil || encoded == nil) && b.width() > 0 && !array && n != b.width() {
						t.Errorf("base %d read %d bytes", b, n)
					}
				}
			}
		}
	}
}
