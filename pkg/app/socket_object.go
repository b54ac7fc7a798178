package app

import (
	"maps"
	"slices"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// A socketObject is what expressions see as `socket`. It never changes.
type socketObject struct {
	id        string // "" for none
	transport string
	opening   bool           // connect sees no id: it is made after it
	info      map[string]any // what connect_info lists and somebody reads
}

// Member implements value.Object.
func (s *socketObject) Member(name string) (any, bool) {
	switch {
	case name == "transport":
		return s.transport, true
	case name != "id" || s.opening:
		v, ok := s.info[name]
		return v, ok
	case s.id == "":
		return nil, true
	}
	return s.id, true
}

// Names lists what goes into an answer that shows the socket whole: not what its client may
// keep from others.
func (s *socketObject) Names() []string {
	if s.opening {
		return []string{"transport"}
	}
	return []string{"id", "transport"}
}

// known makes the object that channels see, with these members of what connect saw.
func (s *socketObject) known(id string, members []string) *socketObject {
	out := &socketObject{id: id, transport: s.transport}
	if len(members) == 0 {
		return out
	}
	out.info = maps.Clone(s.info)
	maps.DeleteFunc(out.info, func(name string, _ any) bool { return !slices.Contains(members, name) })
	return out
}

// knows tells whether every one of these members is there.
func (s *socketObject) knows(members []string) bool {
	for _, name := range members {
		if _, ok := s.info[name]; !ok {
			return false
		}
	}
	return true
}

// membersRead lists the members of `socket` that lists read, of those that the socket shows.
func membersRead(names []string, lists []*pipeline.Steps) []string {
	var out []string
	for _, name := range names {
		for _, list := range lists {
			if list.Reads("socket."+name) || list.Reads("socket.*") {
				out = append(out, name)
				break
			}
		}
	}
	return out
}
