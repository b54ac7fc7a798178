package pipeline

import "github.com/openmanifest/gateway/pkg/config/diag"

// NeedsName tells whether a name of the language is bound in any case where the plug runs.
// Where it is not, that is reported at the plug, or at the setting of it that needs the name:
// gives is the plug that binds it.
func (b *Build) NeedsName(name, gives string, at diag.Pos) bool {
	n, seen := b.flow.scope.Lookup(name)
	if seen && !n.MaybeNil {
		return true
	}
	if !seen && b.flow.loose {
		return false // where the list is used, and what runs before it there, is not known
	}
	*b.broken = true
	p := b.Problem(at, "needs-plug", "`%s` needs `%s` before it", b.def.Name, gives)
	if seen {
		p.Message += ", without a condition"
	}
	p.Suggest("put `%s` into its pipeline", gives)
	return false
}
