package sqlite

import (
	"errors"
	"regexp"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/lru"
)

const (
	// patternsMax bounds the regular expressions that one connection keeps compiled.
	patternsMax = 64
	// patternMax bounds the bytes of one; a compiled one takes many times as much.
	patternMax = 4096
)

// functions are what SQL can call on a connection beside the engine's own; the package's
// doc tells them. NULL in any place gives NULL.
type functions struct {
	patterns *lru.Cache[string, *regexp.Regexp]
	refused  error // why the statement was ended by a function
}

func (f *functions) register(db *sqlite3.Conn) error {
	f.patterns = lru.New[string](patternsMax, func(*regexp.Regexp) {})
	const flags = sqlite3.DETERMINISTIC | sqlite3.INNOCUOUS
	return errors.Join(
		db.CreateFunction("regexp", 2, flags, func(c sqlite3.Context, args ...sqlite3.Value) { f.match(c, "", args) }),
		db.CreateFunction("iregexp", 2, flags, func(c sqlite3.Context, args ...sqlite3.Value) { f.match(c, "(?i)", args) }),
		db.CreateFunction("moment", 1, flags, moment),
		db.CreateFunction("cast_to", 2, flags, f.castTo),
		db.CreateFunction("compare_json", 2, flags, compareJSON),
	)
}

// match tells whether the pattern args[0] finds something in args[1], which is the order of
// the REGEXP operator.
func (f *functions) match(c sqlite3.Context, prefix string, args []sqlite3.Value) {
	if args[0].Type() == sqlite3.NULL || args[1].Type() == sqlite3.NULL {
		return
	}
	re, err := f.pattern(prefix, args[0].RawText())
	if err != nil {
		f.refused = err
		c.ResultError(err)
		return
	}
	c.ResultBool(re.Match(args[1].RawText()))
}

func (f *functions) pattern(prefix string, text []byte) (*regexp.Regexp, error) {
	if len(text) > patternMax {
		return nil, &store.Invalid{Message: "invalid regular expression: it is too long"}
	}
	key := prefix + string(text)
	if re, ok := f.patterns.Get(key); ok {
		return re, nil
	}
	re, err := regexp.Compile(key)
	if err != nil {
		return nil, &store.Invalid{Message: "invalid regular expression: " + err.Error()}
	}
	f.patterns.Put(key, re)
	return re, nil
}

// moment writes a datetime as Encode does. What is none stays as it is.
func moment(c sqlite3.Context, args ...sqlite3.Value) {
	if args[0].Type() != sqlite3.TEXT {
		c.ResultValue(args[0])
		return
	}
	var space [40]byte
	if out, ok := appendMoment(space[:0], args[0].RawText(), 'T', ":00"); ok {
		c.ResultRawText(out)
		return
	}
	c.ResultValue(args[0])
}
