package resource

import (
	"sync"

	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// maxPlans bounds the statements that a resource keeps for what clients have asked. Past it
// all are forgotten: a client that asks in ever new ways must not fill the memory.
const maxPlans = 512

// maxPlanText bounds the SQL of a statement that is kept. A longer one, such as an insert of
// many rows, is hardly asked again.
const maxPlanText = 16 << 10

// plans keeps one statement for each form of request, so that a store that has prepared it
// knows it again. The values are places, so many requests share a form.
type plans struct {
	mu   sync.RWMutex
	list map[planKey]*store.Statement
}

type planKey struct {
	sql               string
	kept              int
	stripped, csv, rd bool
	last              bool
}

// statement gives the statement of a plan. reads tells that it may be sent twice.
func (p *plans) statement(plan *relations.Plan, reads bool) *store.Statement {
	if len(plan.SQL) > maxPlanText {
		return statementOf(plan, reads)
	}
	key := planKey{sql: plan.SQL, rd: reads}
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
	if p.list == nil || len(p.list) >= maxPlans {
		p.list = make(map[planKey]*store.Statement)
	}
	st = statementOf(plan, reads)
	p.list[key] = st
	return st
}

func statementOf(plan *relations.Plan, reads bool) *store.Statement {
	return &store.Statement{SQL: plan.SQL, Params: len(plan.Args), Shape: plan.Shape, Reads: reads, Quick: plan.Quick}
}
