package channels

import "slices"

// fewSlots is how many topics are found as fast in a list as in a map, which takes more room.
const fewSlots = 8

// slots are the topics of one connection. Most have few.
type slots struct {
	all  []*slot
	many map[string]*slot // all of them by topic; nil where there never were more than few
}

// of gives the slot of a topic, or nil.
func (s *slots) of(topic []byte) *slot {
	if s.many != nil {
		return s.many[string(topic)]
	}
	for _, one := range s.all {
		if one.topic == string(topic) {
			return one
		}
	}
	return nil
}

// add takes a slot of a topic that has none.
func (s *slots) add(one *slot) {
	s.all = append(s.all, one)
	switch {
	case s.many != nil:
		s.many[one.topic] = one
	case len(s.all) > fewSlots:
		s.many = make(map[string]*slot, 2*fewSlots)
		for _, each := range s.all {
			s.many[each.topic] = each
		}
	}
}

func (s *slots) remove(one *slot) {
	if i := slices.Index(s.all, one); i >= 0 {
		s.all = slices.Delete(s.all, i, i+1)
		delete(s.many, one.topic)
	}
}
