package observe

import (
	"sync/atomic"
	"time"
)

// outcomes are the labels of what became of a request that was passed on.
var outcomes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx", "refused", "timeout", "status", "client"}

// Where the outcomes without an answer stand in outcomes.
const (
	outcomeRefused = 6 + iota
	outcomeTimeout
	outcomeStatus
	outcomeClient
)

// An Upstream counts the requests that are passed on to one. A nil one counts nothing.
type Upstream struct {
	name    string
	results [len(outcomes)]atomic.Uint64
	took    durations
}

// Answered notes the head of an answer.
func (u *Upstream) Answered(status int, took time.Duration) {
	if u == nil {
		return
	}
	i := 0
	if status >= 100 && status < 600 {
		i = status / 100
	}
	u.results[i].Add(1)
	u.took.add(took)
}

// Failed notes that there was no answer: refused, timeout and status (one that could not be
// passed on) are the upstream's doing, any other reason is the client's.
func (u *Upstream) Failed(reason string, took time.Duration) {
	if u == nil {
		return
	}
	i := outcomeClient
	switch reason {
	case outcomes[outcomeRefused]:
		i = outcomeRefused
	case outcomes[outcomeTimeout]:
		i = outcomeTimeout
	case outcomes[outcomeStatus]:
		i = outcomeStatus
	}
	u.results[i].Add(1)
	if i != outcomeClient {
		u.took.add(took)
	}
}

// Upstream gives the counts of an upstream, those from before a reload if there are any. It
// is nil where nothing is counted.
func (a *App) Upstream(name string) *Upstream {
	if a == nil || a.process == nil {
		return nil
	}
	u := a.process.upstream(name)
	a.upstreams = append(a.upstreams, u)
	return u
}

func (p *Process) upstream(name string) *Upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.upstreams[name]
	if u == nil {
		u = &Upstream{name: name}
		p.upstreams[name] = u
	}
	return u
}

func (x *exposition) upstreamsOf(list []*Upstream) {
	const total, duration = "gateway_upstream_requests_total", "gateway_upstream_request_duration_seconds"
	x.family(total, "counter", "Requests that were passed on, by the class of the answer's status or by why there was none.")
	for _, u := range list {
		for i, result := range outcomes {
			if n := u.results[i].Load(); n > 0 {
				x.sample(total, float64(n), "upstream", u.name, "result", result)
			}
		}
	}
	x.family(duration, "histogram", "From passing a request on to the head of the answer.")
	for _, u := range list {
		x.durations(duration, &u.took, "upstream", u.name)
	}
}
