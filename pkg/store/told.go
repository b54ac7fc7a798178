package store

import "errors"

// Told is what a Postgres server says of an error beside its message. All of it is empty
// where the error is not a server's. Details and Hint may hold values.
type Told struct {
	Code          string // SQLSTATE (Postgres, appendix A), such as 23505
	Details, Hint string
}

// ToldOf finds what the server said of an error of a store.
func ToldOf(err error) Told {
	var (
		conflict    *Conflict
		invalid     *Invalid
		unavailable *Unavailable
		fault       *Fault
	)
	switch {
	case errors.As(err, &conflict):
		return conflict.Told
	case errors.As(err, &invalid):
		return invalid.Told
	case errors.As(err, &unavailable):
		return unavailable.Told
	case errors.As(err, &fault):
		return fault.Told
	default:
		return Told{}
	}
}
