package observe

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// Labels of requests that no route answered. No path can look like them.
const (
	labelUnmatched = "(unmatched)" // no route took it
	labelEndpoint  = "(endpoint)"  // a plug of endpoint.plugs answered
	labelRefused   = "(refused)"   // it was refused before an application saw it
)

// A route holds the counts of one route, by method.
type route struct {
	label   string
	methods [len(methods)]atomic.Pointer[series]
}

// methods are the labels of methods: what a stranger makes up is one of them.
var methods = [...]string{"other", http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

func methodIndex(method string) int {
	switch method {
	case http.MethodGet:
		return 1
	case http.MethodHead:
		return 2
	case http.MethodPost:
		return 3
	case http.MethodPut:
		return 4
	case http.MethodPatch:
		return 5
	case http.MethodDelete:
		return 6
	case http.MethodOptions:
		return 7
	}
	return 0
}

// clientLeft is the status of a request whose client did not wait for one. It is never sent;
// nginx counts it as this.
const clientLeft = 499

// codes are the labels of statuses: those that are registered, and classes for the others,
// of which an upstream may send any.
var codes = knownCodes()

// codeIndex finds the place in codes for each status.
var codeIndex = indexCodes(codes)

const maxCodes = 80

func knownCodes() []string {
	list := []string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}
	for status := 100; status < 600; status++ {
		if http.StatusText(status) != "" || status == clientLeft {
			list = append(list, strconv.Itoa(status))
		}
	}
	return list
}

func indexCodes(list []string) (index [600]uint8) {
	for status := 100; status < len(index); status++ {
		index[status] = uint8(status / 100)
	}
	for i, code := range list {
		if status, err := strconv.Atoi(code); err == nil {
			index[status] = uint8(i)
		}
	}
	return index
}

func indexOf(status int) int {
	if status < 0 || status >= len(codeIndex) {
		return 0
	}
	return int(codeIndex[status])
}

// bounds are the upper bounds of the buckets of a duration.
var bounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// series counts the requests of one route and method. Writers share no lock.
type series struct {
	codes [maxCodes]atomic.Uint64
	took  durations
	bytes atomic.Uint64
}

// durations are a histogram.
type durations struct {
	buckets [len(bounds) + 1]atomic.Uint64
	nanos   atomic.Uint64
}

func (d *durations) add(took time.Duration) {
	took = max(took, 0)
	i := 0
	for i < len(bounds) && took > bounds[i] {
		i++
	}
	d.buckets[i].Add(1)
	d.nanos.Add(uint64(took))
}

// of gives the counts of a method, made when it first comes.
func (r *route) of(method string) *series {
	p := &r.methods[methodIndex(method)]
	if s := p.Load(); s != nil {
		return s
	}
	p.CompareAndSwap(nil, new(series))
	return p.Load()
}

func (s *series) add(status int, took time.Duration, bytes int64) {
	s.codes[indexOf(status)].Add(1)
	s.took.add(took)
	s.bytes.Add(uint64(max(bytes, 0)))
}
