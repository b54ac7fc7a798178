package pipeline

import (
	"maps"
	"slices"
)

// Pure tells a list whose outcome follows from the names that it reads, and that does
// nothing but push: it may be run for one member in place of many. reads are those names,
// sorted, as Expr.Uses gives them.
func (s *Steps) Pure() (reads []string, pure bool) {
	all := map[string]bool{}
	if !s.pure(all) {
		return nil, false
	}
	return slices.Sorted(maps.Keys(all)), true
}

func (s *Steps) pure(reads map[string]bool) bool {
	if s == nil {
		return true
	}
	for i := range s.list {
		st := &s.list[i]
		maps.Copy(reads, st.reads)
		if st.def != nil && !st.def.Pure || !st.do.pure(reads) || !st.otherwise.pure(reads) || !st.orElse.pure(reads) {
			return false
		}
	}
	return true
}

// Sets tells whether a step may set a name that was bound before the list.
func (s *Steps) Sets() bool {
	if s == nil {
		return false
	}
	for i := range s.list {
		st := &s.list[i]
		if st.sets || st.do.Sets() || st.otherwise.Sets() || st.orElse.Sets() {
			return true
		}
	}
	return false
}
