// Package manifest writes the large manifests that the benchmarks load, and the requests
// that they answer.
package manifest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/julienschmidt/httprouter"
)

// group is how many routes stand in one scope, as large manifests are written.
const group = 100

// Routes is a manifest of n routes, each with a parameter, a pipeline and a JSON answer
// that holds one path and one `??`. No two texts are alike, so that nothing compiled once
// serves twice. edit, any text, makes each answer differ from that of another edit.
func Routes(n int, edit string) string {
	var b strings.Builder
	b.WriteString(`version: 1
endpoint: {listen: "127.0.0.1:0", plugs: [request_id]}
pipelines:
  api: [put_secure_browser_headers]
scopes:
`)
	for i := range n {
		if i%group == 0 {
			fmt.Fprintf(&b, "  - path: /v%d\n    pipe_through: api\n    routes:\n", i/group)
		}
		fmt.Fprintf(&b, "      - get: /things%d/:id%d\n        json: {thing: \"${params.id%d}\", page: \"${params.page%d ?? %d}\", edit: %q}\n",
			i, i, i, i, i, fmt.Sprint(edit, i))
	}
	return b.String()
}

// Path is a request that route i of Routes answers.
func Path(i int) string { return fmt.Sprintf("/v%d/things%d/%d", i/group, i, 1000+i) }

// Paths are as many requests as visited, in random order, spread over n routes. Each is a
// text of its own, as requests are.
func Paths(n, visited int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	out := make([]string, visited)
	for i, k := range random.Perm(visited) {
		out[i] = Path(k * n / visited % n)
	}
	return out
}

// Bare is an httprouter with the routes of Routes, to compare with.
func Bare(n int) *httprouter.Router {
	r := httprouter.New()
	for i := range n {
		r.GET(fmt.Sprintf("/v%d/things%d/:id%d", i/group, i, i), func(http.ResponseWriter, *http.Request, httprouter.Params) {})
	}
	return r
}
