// Package pipeline is the heart of the house: what a plug is, how a list of plugs is
// compiled against the names in reach, and how the compiled steps run.
//
// A list compiles to a flat slice of steps. `when`, `as`, `else` and branches live in the
// step runner alone; no plug knows that they exist.
package pipeline
