package channels

import (
	"slices"
	"sync"
)

// sessionParts is what a session keeps for other nodes between the parts of one body and of
// one answer. A client has one POST and one poll under way at a time: what belongs to an
// earlier one is given up.
type sessionParts struct {
	mu   sync.Mutex
	part uint64 // of body
	body []byte // at most maxPost+1 bytes
	left uint64 // of rest
	rest []byte
}

// gather adds a part of a body. True means that q holds the whole.
func (p *sessionParts) gather(q *pollQuestion) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if q.part != p.part {
		p.part, p.body = q.part, nil
	}
	if q.flags&pollMore != 0 {
		p.body = append(p.body, q.body[:min(len(q.body), maxPost+1-len(p.body))]...)
		return false
	}
	if p.body != nil {
		q.body = slices.Concat(p.body, q.body)
		p.body = nil
	}
	return true
}

func (p *sessionParts) keepRest(part uint64, rest []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.rest = part, rest
}

// takeRest gives what is left of an answer; nil when it has been given up.
func (p *sessionParts) takeRest(part uint64) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if part != p.left {
		return nil
	}
	rest := p.rest
	p.left, p.rest = 0, nil
	return rest
}
