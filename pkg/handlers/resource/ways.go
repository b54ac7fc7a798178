package resource

import "net/http"

// A Way is a route by which an action is done: on one row, by its key in the path, or on the
// path of all rows, by the filters of the query.
type Way struct {
	Action Action
	OfRow  bool // the path holds the key of a row
	Many   bool // the rows are those that the filters leave
	Long   bool // the query stands in the body of the request
	Step   bool // it is a step of a batch: no browser sees its answer
}

// Methods are those that the way takes.
func (w Way) Methods() []string {
	if w.Long {
		return []string{methodQuery}
	}
	return w.Action.Methods()
}

// Ways lists the routes of a resource.
func (r *Resource) Ways() []Way {
	var list []Way
	for _, a := range Actions() {
		if !r.serves[a] {
			continue
		}
		if r.entry.Singleton { // its path is that of the row
			list = append(list, Way{Action: a})
			continue
		}
		if !a.OfRow() || r.HasKey() {
			list = append(list, Way{Action: a, OfRow: a.OfRow()})
		}
		if a == Index {
			list = append(list, Way{Action: a, Long: true})
		}
		if a == Update || a == Delete {
			list = append(list, Way{Action: a, Many: true})
		}
	}
	return list
}

// Refuses lists the methods of a way that can only be refused: PUT makes a row of a key.
func (r *Resource) Refuses(w Way) []string {
	if w.Many && w.Action == Update && (len(r.served.Relation().Key) == 0 || !r.serves[Create]) {
		return []string{http.MethodPut}
	}
	return nil
}

// String tells the way in a list of routes.
func (w Way) String() string {
	if w.Many {
		return w.Action.String() + " by filter"
	}
	return w.Action.String()
}
