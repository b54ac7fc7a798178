package app

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
)

// verifyPaths checks what redirect, path() and url() name against the table.
func (b *builder) verifyPaths() {
	if b.app.Table == nil {
		return
	}
	for _, p := range b.app.Env.Paths.All() {
		if b.app.Table.Covers("GET", p.Pattern) || b.isLost(p.Pattern) {
			continue
		}
		problem := b.ps.Add(p.At, "unknown-path", "no GET route answers %s", strings.ReplaceAll(p.Pattern, ":_", "${...}")).
			Suggest("declare one, or name a path that is there")
		if near := b.app.Table.Nearest("GET", p.Pattern); near != "" {
			problem.Suggest("did you mean %q?", near)
		}
	}
}

// lose notes a route, resource or scope that is not in the table because of a fault: that a
// path of it is not there is a consequence, and not told again. n is its path as written.
func (b *builder) lose(in base, n *source.Node) {
	path := strings.TrimSuffix(in.prefix.String(), "/")
	if n != nil && n.Kind == source.Scalar {
		path += "/" + strings.TrimLeft(n.Value, "/")
	}
	if i := strings.IndexAny(path, ":*{"); i >= 0 {
		path = path[:i]
	}
	b.lost = append(b.lost, path)
}

func (b *builder) isLost(path string) bool {
	for _, lost := range b.lost {
		if strings.HasPrefix(path, lost) {
			return true
		}
	}
	return false
}

// pathOf finds the path of a route whose method was not understood.
func pathOf(n *source.Node) *source.Node {
	for _, e := range n.Entries {
		if e.Value.Kind == source.Scalar && strings.HasPrefix(e.Value.Value, "/") {
			return e.Value
		}
	}
	return nil
}
