package postgrest

import (
	"fmt"
	"net/http"
)

// parseCode is PostgREST's code of a query that it cannot read.
const parseCode = "PGRST100"

// Limits bound what a query may ask. A zero takes its default.
type Limits struct {
	Length     int // bytes of the raw query: 64 KiB
	Depth      int // of embedded relations, of and/or in each other, and of a path into JSON: 64
	Items      int // entries of select, order, columns and on_conflict: 1000
	Conditions int // filters, also inside and/or: 1000
	Values     int // of all lists together: 10000
}

func (l *Limits) orDefault() {
	for _, d := range []struct {
		of    *int
		value int
	}{{&l.Length, 64 << 10}, {&l.Depth, 64}, {&l.Items, 1000}, {&l.Conditions, 1000}, {&l.Values, 10_000}} {
		if *d.of == 0 {
			*d.of = d.value
		}
	}
}

// A budget counts what a query has used of its limits.
type budget struct {
	limits                    Limits
	items, conditions, values int
}

// refuse ends the reading with an error that is not of the grammar.
func (p *parser) refuse(err *Error) {
	if p.refused == nil {
		p.refused = err
	}
}

func (p *parser) tooMany(limit int, of string) bool {
	p.refuse(&Error{
		Status:  http.StatusBadRequest,
		Code:    parseCode,
		Message: "the query asks too much",
		Details: fmt.Sprintf("more than %d %s", limit, of),
	})
	return false
}

// within tells whether depth is allowed.
func (p *parser) within(depth int) bool {
	return depth < p.budget.limits.Depth || p.tooMany(p.budget.limits.Depth, "levels")
}

func (p *parser) takeItem() bool {
	p.budget.items++
	return p.budget.items <= p.budget.limits.Items || p.tooMany(p.budget.limits.Items, "items")
}

func (p *parser) takeCondition() bool {
	p.budget.conditions++
	return p.budget.conditions <= p.budget.limits.Conditions || p.tooMany(p.budget.limits.Conditions, "conditions")
}

func (p *parser) takeValue() bool {
	p.budget.values++
	return p.budget.values <= p.budget.limits.Values || p.tooMany(p.budget.limits.Values, "values in lists")
}
