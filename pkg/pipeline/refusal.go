package pipeline

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/expr"
)

// A Refusal is the caller's doing, and the caller is told: a wrong password, a missing
// row. It goes to the plug's `else`, or becomes the default answer. Any other error is
// ours: it is logged, and the caller learns only that something failed.
type Refusal struct {
	Reason  string              // a stable word: not_found, invalid
	Message string              // for a person; may be empty
	Status  int                 // of the HTTP answer
	Errors  map[string][]string // by field; nil when there are none
	Headers http.Header         // to be added to the answer, such as Retry-After; may be nil
	Body    []byte              // of the answer, with its type in Headers; nil: the default one
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Message == "" {
		return r.Reason
	}
	return r.Reason + ": " + r.Message
}

// Refuse makes a refusal.
func Refuse(status int, reason, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Invalid is the refusal of input, with messages by field (422).
func Invalid(errs map[string][]string) *Refusal {
	return &Refusal{Status: http.StatusUnprocessableEntity, Reason: "invalid", Message: "some fields are not valid", Errors: errs}
}

// Member lets an `else` read the refusal as `failure`.
func (r *Refusal) Member(name string) (any, bool) {
	switch name {
	case "reason":
		return r.Reason, true
	case "message":
		return r.Message, true
	case "status":
		return int64(r.Status), true
	case "errors":
		return r.errors(), true
	}
	return nil, false
}

// Names lists what an answer shows of a failure that is passed on whole.
func (r *Refusal) Names() []string { return []string{"reason", "message", "status", "errors"} }

func (r *Refusal) errors() any {
	out := make(map[string]any, len(r.Errors))
	for field, messages := range r.Errors {
		list := make([]any, len(messages))
		for i, m := range messages {
			list[i] = m
		}
		out[field] = list
	}
	return out
}

// An Unavailable error is ours, and passing: a store that is down (503).
type Unavailable struct {
	What string
	Err  error
}

// Error implements error.
func (u *Unavailable) Error() string { return u.What + ": " + u.Err.Error() }

// Unwrap gives the cause.
func (u *Unavailable) Unwrap() error { return u.Err }

// A Failure is an error of ours with the plug that had it.
type Failure struct {
	Plug string
	At   diag.Pos
	Err  error
}

// Error implements error.
func (f *Failure) Error() string { return fmt.Sprintf("%s: %s: %v", f.At, f.Plug, f.Err) }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// RefuseSent turns the error of an expression that could not be computed, or put into its
// place, because of what the client sent into a refusal (400). Other errors stay.
func RefuseSent(err error) error {
	var fault *expr.Fault
	if asRefusal(err) != nil || !errors.As(err, &fault) || fault.Sent == "" {
		return err
	}
	refusal := Refuse(http.StatusBadRequest, "invalid", "%s", fault.Sent)
	return &explained{refusal: refusal, cause: err, why: "what the client sent cannot be used, so it is refused"}
}

// explained is a refusal that the log should explain.
type explained struct {
	refusal *Refusal
	cause   error
	why     string
}

func (e *explained) Error() string { return e.refusal.Error() + ": " + e.cause.Error() }

func (e *explained) Unwrap() []error { return []error{e.refusal, e.cause} }

// asRefusal finds a refusal in err.
func asRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}
