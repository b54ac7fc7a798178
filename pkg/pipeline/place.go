package pipeline

import "strings"

// Place says where in the manifest a list of plugs stands; a set of places where a plug
// may stand.
type Place uint16

// The places.
const (
	Endpoint Place = 1 << iota // endpoint.plugs: before the match
	Route                      // pipelines and routes
	Connect                    // a socket's connect
	Join                       // a channel's lists
	AfterJoin
	In
	Out
	Leave
	Every

	HTTP     = Endpoint | Route
	Channel  = Join | AfterJoin | In | Out | Leave | Every
	Anywhere = HTTP | Connect | Channel
)

// Places lists the single places with their names in the manifest.
func Places() []Place {
	return []Place{Endpoint, Route, Connect, Join, AfterJoin, In, Out, Leave, Every}
}

// Key is the short name of one place, as definitions of the JSON Schema use it.
func (p Place) Key() string {
	switch p {
	case Endpoint:
		return "endpoint"
	case Route:
		return "route"
	case Connect:
		return "connect"
	case Join:
		return "join"
	case AfterJoin:
		return "after_join"
	case In:
		return "in"
	case Out:
		return "out"
	case Leave:
		return "leave"
	case Every:
		return "every"
	}
	return ""
}

// String names a place, or several, as a reader of the manifest knows them.
func (p Place) String() string {
	names := map[Place]string{Endpoint: "endpoint.plugs", Route: "a route or pipeline", Connect: "connect", Join: "join",
		AfterJoin: "after_join", In: "handle_in", Out: "handle_out", Leave: "leave", Every: "every"}
	var list []string
	for _, one := range Places() {
		if p&one != 0 {
			list = append(list, names[one])
		}
	}
	return strings.Join(list, ", ")
}
