// Package expr is the expression language of a manifest: it checks expressions when the
// manifest is loaded and runs them. It alone knows the parser, checker and machine of
// expr-lang/expr. Places are byte offsets into the text that was given.
//
// Expressions fail closed. A member of Claims that is missing is an error under any
// alias; in Guard mode so is a missing member of anything, a comparison with nil (unless
// written `nil`) and a comparison of unlike types.
package expr
