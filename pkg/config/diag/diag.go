// Package diag holds the words in which a manifest's faults are told: a place, a
// problem, a list of problems. It knows nothing of YAML or of plugs.
package diag

import (
	"cmp"
	"fmt"
	"slices"
)

// Pos is a place in a manifest file. Line and Column count from 1, columns in
// characters. EndColumn is the column after the last character of the word meant, on
// the same line; 0 where only the start is known.
type Pos struct {
	File                    string
	Line, Column, EndColumn int
}

// String gives file:line:col, as editors and compilers write it.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// IsZero tells a place that is not known.
func (p Pos) IsZero() bool { return p == Pos{} }

// Compare orders places as a reader meets them: by file, line, column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Severity tells a fault that stops loading from one that does not.
type Severity string

// The two severities of `--format json`.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// A Problem is one fault in a manifest: what, where, why, and a way out.
type Problem struct {
	At       Pos
	Severity Severity
	Code     string // a stable word for tools, such as "unknown-plug"
	Message  string
	Hint     string // the way out; may be empty
	Related  []Related
}

// Related is another place that has to do with a problem.
type Related struct {
	At      Pos
	Message string
}

// Suggest sets the way out.
func (p *Problem) Suggest(format string, args ...any) *Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// Relate names another place that has to do with the problem.
func (p *Problem) Relate(at Pos, format string, args ...any) *Problem {
	p.Related = append(p.Related, Related{At: at, Message: fmt.Sprintf(format, args...)})
	return p
}

// Error makes a single problem usable as a Go error.
func (p *Problem) Error() string {
	text := p.At.String() + ": " + p.Message
	if p.Hint != "" {
		text += " (" + p.Hint + ")"
	}
	return text
}

// Problems collects faults. The zero value is ready to use.
type Problems struct{ list []*Problem }

// Add notes an error and returns it, so that a hint can be added.
func (ps *Problems) Add(at Pos, code, format string, args ...any) *Problem {
	return ps.add(Error, at, code, format, args)
}

// Warn notes something that does not stop loading.
func (ps *Problems) Warn(at Pos, code, format string, args ...any) *Problem {
	return ps.add(Warning, at, code, format, args)
}

func (ps *Problems) add(s Severity, at Pos, code, format string, args []any) *Problem {
	p := &Problem{At: at, Severity: s, Code: code, Message: fmt.Sprintf(format, args...)}
	ps.list = append(ps.list, p)
	return p
}

// Take adds a problem made elsewhere.
func (ps *Problems) Take(p *Problem) { ps.list = append(ps.list, p) }

// Append takes over what another collector found.
func (ps *Problems) Append(other *Problems) { ps.list = append(ps.list, other.list...) }

// Len counts all, warnings included.
func (ps *Problems) Len() int { return len(ps.list) }

// OnlySince tells whether all that was added after the first n has this code.
func (ps *Problems) OnlySince(n int, code string) bool {
	return !slices.ContainsFunc(ps.list[n:], func(p *Problem) bool { return p.Code != code })
}

// Failed tells whether there is an error among them.
func (ps *Problems) Failed() bool {
	return slices.ContainsFunc(ps.list, func(p *Problem) bool { return p.Severity == Error })
}

// All returns the problems sorted by place, each once: the same fault reached by two
// ways (an alias, a pipeline used twice) is one fault.
func (ps *Problems) All() []*Problem {
	sorted := slices.Clone(ps.list)
	slices.SortStableFunc(sorted, func(a, b *Problem) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Message, b.Message))
	})
	var out []*Problem
	for i, p := range sorted {
		if p.Code == Empty && besideAnother(sorted, i) {
			continue
		}
		if k := len(out) - 1; k >= 0 && out[k].At.Compare(p.At) == 0 && out[k].Message == p.Message {
			out[k] = join(out[k], p)
			continue
		}
		out = append(out, p)
	}
	return out
}

// Empty is the code of a value that is missing. What made it so, such as a YAML tag, is told
// at the same place.
const Empty = "empty"

func besideAnother(sorted []*Problem, i int) bool {
	for _, k := range []int{i - 1, i + 1} {
		if k >= 0 && k < len(sorted) && sorted[k].Code != Empty && sorted[k].At.Compare(sorted[i].At) == 0 {
			return true
		}
	}
	return false
}

// join keeps the related places of both.
func join(a, b *Problem) *Problem {
	both := *a
	both.Related = slices.Clone(a.Related)
	for _, r := range b.Related {
		if !slices.Contains(both.Related, r) {
			both.Related = append(both.Related, r)
		}
	}
	return &both
}
