package routes

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// escape writes a decoded path as a request has it.
func escape(path string) string { return (&url.URL{Path: path}).EscapedPath() }

func checkExamples(t *testing.T, routes []Route) {
	t.Helper()
	var ps diag.Problems
	table := Build(routes, &ps)
	if ps.Failed() {
		return
	}
	var m Match
	for _, r := range routes {
		path := r.Pattern.example()
		if table.Lookup("GET", "", escape(path), &m); m.Status != 200 && len(path) < MaxPath/3 {
			t.Fatalf("%q does not answer %q: %d", r.Pattern, path, m.Status)
		}
		if !table.Covers("GET", r.Pattern.String()) {
			t.Fatalf("%q does not cover itself", r.Pattern)
		}
	}
}

// naive finds the route by trying all in order of precedence. Paths are plain.
func naive(rs []Route, method, host, path string) (route, status int, allow string) {
	type try struct {
		route, status, host, method int
		kinds                       []int
	}
	var best *try
	methods := map[string]bool{}
	for i, r := range rs {
		kinds, redirect, ok := naiveKinds(strings.Split(r.Pattern.String()[1:], "/"), strings.Split(path[1:], "/"))
		if !ok || !naiveHost(r.Host.String(), host) {
			continue
		}
		naiveAllow(r.Methods, methods)
		rank := naiveMethod(r.Methods, method)
		t := &try{i, 200, strings.Count(r.Host.String()+".", "*") * 10, rank, kinds}
		if r.Host.String() == "" {
			t.host = 1000
		}
		if redirect {
			t.route, t.status = -1, map[bool]int{true: 301, false: 308}[method == "GET" || method == "HEAD"]
		}
		if rank >= 0 && (best == nil || t.host < best.host || t.host == best.host && slices.Compare(t.kinds, best.kinds) < 0 ||
			t.host == best.host && slices.Equal(t.kinds, best.kinds) && t.method < best.method) {
			best = t
		}
	}
	switch {
	case strings.Contains(path, "//"):
		return -1, 404, ""
	case best != nil:
		return best.route, best.status, ""
	case len(methods) == 0:
		return -1, 404, ""
	}
	var all []string
	for m := range methods {
		all = append(all, m)
	}
	slices.Sort(all)
	return -1, map[bool]int{true: 204, false: 405}[method == "OPTIONS"], strings.Join(all, ", ")
}

func naiveHost(pattern, host string) bool {
	first, after, _ := strings.Cut(host, ".")
	return pattern == "" || pattern == host || first != "" && pattern == "*."+after
}

func naiveMethod(methods []string, method string) int {
	switch {
	case slices.Contains(methods, method):
		return 0
	case method == "HEAD" && slices.Contains(methods, "GET"):
		return 1
	case methods == nil:
		return 2
	}
	return -1
}

func naiveAllow(methods []string, to map[string]bool) {
	to["OPTIONS"] = true
	if methods == nil {
		methods = []string{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"}
	}
	for _, m := range methods {
		to[m] = true
		if m == "GET" {
			to["HEAD"] = true
		}
	}
}

// naiveKinds walks pattern and path side by side: 0 static, 1 param, 2 rest, 3 the slash
// that a redirect takes off.
func naiveKinds(pattern, path []string) (kinds []int, redirect, ok bool) {
	if pattern[0] == "" {
		return nil, false, path[0] == "" && len(path) == 1
	}
	for i, s := range pattern {
		switch {
		case s[0] == '*':
			return append(kinds, 2), false, true
		case i >= len(path) || path[i] == "" || s[0] != ':' && s != path[i]:
			return nil, false, false
		case s[0] == ':':
			kinds = append(kinds, 1)
		default:
			kinds = append(kinds, 0)
		}
	}
	if len(path) == len(pattern)+1 && path[len(pattern)] == "" {
		return append(kinds, 3), true, true
	}
	return kinds, false, len(path) == len(pattern)
}

// randomRoutes makes routes and a request of a few words from the bytes of a fuzzer.
func randomRoutes(data []byte) (rs []Route, method, host, path string) {
	next := func(n int) int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b) % n
	}
	hosts := []string{"", "", "a.example", "*.example", "x.a.example", "*.a.example"}
	methods := [][]string{nil, {"GET"}, {"GET"}, {"POST"}, {"HEAD"}, {"OPTIONS"}, {"GET", "POST"}, {"PUT"}}
	words := []string{"a", "b", "ab", "new", ":p", ":q", ":p"}
	host = []string{"a.example", "x.a.example", "b.example", "example", "other"}[next(5)]
	method = []string{"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE"}[next(6)]
	for range next(6) {
		path += "/" + []string{"a", "b", "ab", "new", "zz", ""}[next(6)]
	}
	path = "/" + strings.TrimPrefix(path, "/")
	for len(data) > 0 && len(rs) < 40 {
		text := ""
		for i := range next(5) {
			word := words[next(len(words))]
			if word[0] == ':' {
				word += string(rune('0' + i)) // no name twice
			}
			text += "/" + word
		}
		if next(5) == 0 {
			text += "/*rest"
		}
		p, _ := ParsePattern("/" + strings.TrimPrefix(text, "/"))
		h, _ := ParseHost(hosts[next(len(hosts))])
		rs = append(rs, Route{Methods: methods[next(len(methods))], Pattern: p, Host: h})
	}
	return rs, method, host, path
}

// withoutConflicts leaves out the routes that Build refuses, by its own rule: one route
// for each host, shape and method.
func withoutConflicts(rs []Route) []Route {
	var kept []Route
	taken := map[string]bool{}
	for _, r := range rs {
		key := r.Host.String()
		for _, s := range r.Pattern.segments {
			if s.kind == static {
				key += "/" + s.text
			} else {
				key += "/" + s.String()[:1]
			}
		}
		methods := r.Methods
		if methods == nil {
			methods = []string{"any"}
		}
		if slices.ContainsFunc(methods, func(m string) bool { return taken[m+" "+key] }) {
			continue
		}
		for _, m := range methods {
			taken[m+" "+key] = true
		}
		kept = append(kept, r)
	}
	return kept
}

func checkAgainstNaive(t *testing.T, data []byte) {
	t.Helper()
	all, method, host, path := randomRoutes(data)
	rs := withoutConflicts(all)
	var ps, refused diag.Problems
	table := Build(rs, &ps)
	Build(all, &refused)
	if ps.Len() != 0 || refused.Failed() != (len(rs) < len(all)) {
		t.Fatalf("%v: problems %v; of all %d", labels(rs), ps.All(), refused.Len())
	}
	var m Match
	table.Lookup(method, host, path, &m)
	route, status, allow := naive(rs, method, host, path)
	if m.Route != route || m.Status != status || m.Allow != allow {
		t.Fatalf("%s %s%s in %q:\n got %d %d %q\nwant %d %d %q", method, host, path, labels(rs), m.Route, m.Status, m.Allow, route, status, allow)
	}
	if m.Route >= 0 {
		names := append(rs[route].Host.Names(), rs[route].Pattern.Names()...)
		if len(names) != len(m.Params) {
			t.Fatalf("%s %s: params %q for %q", method, path, m.Params, names)
		}
	}
	table.Lookup(method, host, escapeAll(path), &m)
	if m.Route != route || m.Status != status {
		t.Fatalf("%s %s, escaped, in %q: %d %d, want %d %d", method, path, labels(rs), m.Route, m.Status, route, status)
	}
	for _, w := range []widths{{few: 0, many: 100}, {few: 0, many: 0}} { // all in routers, all in maps
		buildWith(w, rs, &ps).Lookup(method, host, path, &m)
		if m.Route != route || m.Status != status || m.Allow != allow {
			t.Fatalf("%s %s%s in %q, %+v:\n got %d %d %q\nwant %d %d %q", method, host, path, labels(rs), w, m.Route, m.Status, m.Allow, route, status, allow)
		}
	}
	e := table.Explain(method, host, path)
	if e.Match.Route != route || slices.ContainsFunc(e.Losers, func(l Loser) bool { return l.Route == route || l.Reason == "" }) {
		t.Fatalf("%s %s%s in %q: explained as %+v", method, host, path, labels(rs), e)
	}
}

// escapeAll writes each byte but the slashes as an escape.
func escapeAll(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if path[i] == '/' {
			b.WriteByte('/')
		} else {
			b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[path[i]>>4])+string("0123456789abcdef"[path[i]&15])))
		}
	}
	return b.String()
}

func labels(rs []Route) []string {
	var out []string
	for _, r := range rs {
		out = append(out, r.label(r.methods()))
	}
	return out
}
