package expr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/value"
)

// Error is a fault in the text of an expression, found at load. Start and End are byte
// offsets into the text that was given.
type Error struct {
	Start, End int
	Code       string // a stable word for tools
	Message    string
	Hint       string // the way out; may be empty
}

// Error makes an Error usable as a Go error.
func (e Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// FaultKind tells why an expression could not be computed.
type FaultKind uint8

// Missing, NilOperand and Unlike are the rules of guards; Missing also tells of claims
// in any mode. Failed is everything else.
const (
	Failed     FaultKind = iota
	Missing              // a member that is not there
	NilOperand           // nil in a comparison
	Unlike               // types that are never equal
)

// Fault is an expression that could not be computed at run time. Start and End are byte
// offsets into the text that was given at load.
type Fault struct {
	Kind       FaultKind
	Message    string
	Start, End int
	Sent       string // where the client's doing is to blame: what to tell the client
	placed     bool
	cause      error
}

func (f *Fault) Error() string { return f.Message }

// Unwrap gives the error of a function that failed, nil for faults of the language.
func (f *Fault) Unwrap() error { return f.cause }

func fault(format string, args ...any) *Fault {
	return &Fault{Message: fmt.Sprintf(format, args...)}
}

func faultOf(k FaultKind, format string, args ...any) *Fault {
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// place tells err where it happened, unless something inside knew better.
func place(err error, at span) error {
	f, ok := errors.AsType[*Fault](err)
	if !ok {
		f = &Fault{Message: err.Error(), cause: err}
	}
	if !f.placed {
		f.Start, f.End, f.placed = at.start, at.end, true
	}
	return f
}

// shifted moves a fault from the expression's own offsets to those of the whole text.
func shifted(err error, base int) error {
	if base == 0 || err == nil {
		return err
	}
	f, ok := errors.AsType[*Fault](err)
	if !ok {
		return err
	}
	moved := *f
	moved.Start, moved.End = f.Start+base, f.End+base
	return &moved
}

// span is a piece of source, in bytes.
type span struct{ start, end int }

// spanOf turns the parser's offsets, which count characters, into bytes.
func spanOf(src string, from, to int) span {
	return span{byteOffset(src, from), byteOffset(src, max(from, to))}
}

func byteOffset(src string, runes int) int {
	if runes <= 0 {
		return 0
	}
	at := 0
	for at < len(src) && runes > 0 {
		_, n := utf8.DecodeRuneInString(src[at:])
		at += n
		runes--
	}
	return at
}

// machineWords finds what the checker and the machine call a type.
var machineWords = regexp.MustCompile(`map\[[a-z {}]+\](?:\[\])*interface \{\}|\[\](?:interface \{\}|string|int|float64)|interface \{\}|\*?value\.\w+|\*?time\.\w+|<nil>|\b(?:unknown|float64|float32|int64|int|string|bool|nil)\b`)

// plainTypes puts plain words for the types named in a message.
func plainTypes(message string) string {
	return machineWords.ReplaceAllStringFunc(message, func(t string) string {
		switch {
		case strings.HasPrefix(t, "map["):
			return "a map"
		case strings.HasPrefix(t, "[]"):
			return "a list"
		}
		switch strings.TrimPrefix(t, "*") {
		case "int", "int64":
			return "an integer"
		case "float64", "float32", "value.Number":
			return "a number"
		case "string":
			return "text"
		case "bool":
			return "true or false"
		case "<nil>", "nil":
			return "nil"
		case "time.Time":
			return "a time"
		case "time.Duration":
			return "a duration"
		case "time.Location":
			return "a time zone"
		case "value.Claims":
			return "claims"
		}
		return "any value"
	})
}

// plainMachine is the message of a panic in the machine, without Go.
func plainMachine(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	switch {
	case strings.Contains(message, "interface conversion"), strings.Contains(message, "runtime error"), strings.Contains(message, "reflect"):
		return "a value has the wrong type here"
	case strings.Contains(message, "memory budget"):
		return tooMuchWork
	case strings.HasPrefix(message, "invalid operation: "):
		return "cannot compute " + plainTypes(strings.TrimPrefix(message, "invalid operation: "))
	}
	return plainTypes(message)
}

const tooMuchWork = "this expression does too much work"

func describe(v any) string { return value.Describe(v) }
