package rows

import (
	"sync"

	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// maxStatements bounds the statements that are kept for what clients have asked. Past it all
// are forgotten: a client that asks in ever new ways must not fill the memory.
const maxStatements = 512

// maxText bounds the SQL of a statement that is kept. A longer one, such as an insert of many
// rows, is hardly asked again.
const maxText = 16 << 10

// Statements keeps one statement for each form of request, so that a store that has prepared
// it knows it again. The values are places, so many requests share a form.
type Statements struct {
	mu   sync.RWMutex
	list map[statementKey]*store.Statement
}

type statementKey struct {
	sql               string
	kept              int
	stripped, csv, rd bool
	last              bool
}

// Of gives the statement of a plan. reads tells that it may be sent twice.
func (p *Statements) Of(plan *relations.Plan, reads bool) *store.Statement {
	if len(plan.SQL) > maxText {
		return statementOf(plan, reads)
	}
	key := statementKey{sql: plan.SQL, rd: reads}
	if s := plan.Shape; s != nil {
		key.kept, key.last, key.stripped, key.csv = s.Kept, s.KeptLast, s.StripNulls, s.CSV
	}
	p.mu.RLock()
	st := p.list[key]
	p.mu.RUnlock()
	if st != nil {
		return st
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if st := p.list[key]; st != nil {
		return st
	}
	if p.list == nil || len(p.list) >= maxStatements {
		p.list = make(map[statementKey]*store.Statement)
	}
	st = statementOf(plan, reads)
	p.list[key] = st
	return st
}

func statementOf(plan *relations.Plan, reads bool) *store.Statement {
	return &store.Statement{SQL: plan.SQL, Params: len(plan.Args), Shape: plan.Shape, Reads: reads, Quick: plan.Quick, Guarded: reads && plan.MayWrite}
}
