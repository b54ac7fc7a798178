package postgrest

import (
	"net/http"
	"strconv"
	"strings"
)

// The values of preferences. An empty one was not asked for.
type (
	Resolution string
	Missing    string
	Return     string
	Count      string
	Tx         string
	Handling   string
)

// What may be asked for.
const (
	MergeDuplicates  Resolution = "merge-duplicates"
	IgnoreDuplicates Resolution = "ignore-duplicates"
	MissingDefault   Missing    = "default"
	MissingNull      Missing    = "null"
	Representation   Return     = "representation"
	HeadersOnly      Return     = "headers-only"
	Minimal          Return     = "minimal"
	CountExact       Count      = "exact"
	CountPlanned     Count      = "planned"
	CountEstimated   Count      = "estimated"
	Commit           Tx         = "commit"
	Rollback         Tx         = "rollback"
	Strict           Handling   = "strict"
	Lenient          Handling   = "lenient"
)

// Preferences are what the header Prefer asks for (RFC 7240). What a request cannot honour
// is cleared before Applied.
type Preferences struct {
	Resolution  Resolution
	Missing     Missing
	Return      Return
	Count       Count
	Tx          Tx
	Handling    Handling
	Timezone    string
	MaxAffected int64
	Bounded     bool     // whether MaxAffected was given
	Invalid     []string // what is no preference
}

// PreferOptions tell what preferences are honoured.
type PreferOptions struct {
	Tx    bool                   // whether a client may choose how its transaction ends
	Zones func(name string) bool // the known time zones; nil: all names
}

// ParsePrefer reads the header's lines. Of a preference given twice the first counts.
func ParsePrefer(lines []string, o PreferOptions) Preferences {
	var p Preferences
	for _, line := range lines {
		for line != "" {
			var item string
			item, line, _ = strings.Cut(line, ",")
			if item = strings.TrimSpace(item); item != "" && !p.add(item, o) {
				p.Invalid = append(p.Invalid, item)
			}
		}
	}
	if !o.Tx {
		p.Tx = ""
	}
	return p
}

// add takes one preference. It tells whether it is one.
func (p *Preferences) add(item string, o PreferOptions) bool {
	name, value, _ := strings.Cut(item, "=")
	switch name {
	case "resolution":
		return choose(&p.Resolution, value, MergeDuplicates, IgnoreDuplicates)
	case "missing":
		return choose(&p.Missing, value, MissingDefault, MissingNull)
	case "return":
		return choose(&p.Return, value, Representation, HeadersOnly, Minimal)
	case "count":
		return choose(&p.Count, value, CountExact, CountPlanned, CountEstimated)
	case "tx":
		return choose(&p.Tx, value, Commit, Rollback)
	case "handling":
		return choose(&p.Handling, value, Strict, Lenient)
	case "timezone":
		if value == "" || o.Zones != nil && !o.Zones(value) {
			return false
		}
		if p.Timezone == "" {
			p.Timezone = value
		}
		return true
	case "max-affected":
		if n, ok := integer(value); ok && !p.Bounded {
			p.MaxAffected, p.Bounded = n, true
		}
		return true
	}
	return false
}

// choose sets what was not set, if value is one of choices.
func choose[T ~string](to *T, value string, choices ...T) bool {
	for _, c := range choices {
		if string(c) == value {
			if *to == "" {
				*to = c
			}
			return true
		}
	}
	return false
}

// Check refuses preferences that are none, if they are to be handled strictly: PGRST122.
func (p *Preferences) Check() error {
	if p.Handling != Strict || len(p.Invalid) == 0 {
		return nil
	}
	return &Error{
		Status:  http.StatusBadRequest,
		Code:    "PGRST122",
		Message: "Invalid preferences given with handling=strict",
		Details: "Invalid preferences: " + strings.Join(p.Invalid, ", "),
	}
}

// Affected refuses a write of more rows than a strict max-affected allows: PGRST124.
func (p *Preferences) Affected(rows int64) error {
	if p.Handling != Strict || !p.Bounded || rows <= p.MaxAffected {
		return nil
	}
	return &Error{
		Status:  http.StatusBadRequest,
		Code:    "PGRST124",
		Message: "Query result exceeds max-affected preference constraint",
		Details: "The query affects " + strconv.FormatInt(rows, 10) + " rows",
	}
}

// Applied is the value of Preference-Applied, in PostgREST's order; "" if there is none.
func (p *Preferences) Applied() string {
	var all [8]string
	list := all[:0]
	add := func(name, value string) {
		if value != "" {
			list = append(list, name+value)
		}
	}
	add("resolution=", string(p.Resolution))
	add("missing=", string(p.Missing))
	add("return=", string(p.Return))
	add("count=", string(p.Count))
	add("tx=", string(p.Tx))
	add("handling=", string(p.Handling))
	add("timezone=", p.Timezone)
	if p.Bounded && p.Handling == Strict {
		add("max-affected=", strconv.FormatInt(p.MaxAffected, 10))
	}
	return strings.Join(list, ", ")
}
