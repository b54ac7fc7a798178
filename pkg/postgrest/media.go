package postgrest

import "strings"

// MediaKind is a kind of answer that the dialect knows.
type MediaKind uint8

// The kinds of answers. AnyMedia is */*: the answer's own form.
const (
	AnyMedia    MediaKind = iota
	JSON                  // application/json: a list
	Object                // application/vnd.pgrst.object+json: one row
	CSV                   // text/csv
	GeoJSON               // application/geo+json
	Plan                  // application/vnd.pgrst.plan: the plan of the statement
	PlainText             // text/plain
	XML                   // text/xml
	OpenAPI               // application/openapi+json
	Form                  // application/x-www-form-urlencoded
	OctetStream           // application/octet-stream
	OtherMedia            // by its Name
)

// A Media is a media type as the dialect understands it.
type Media struct {
	Kind     MediaKind
	Stripped bool        // nulls=stripped: members that are null are left out
	Name     string      // of OtherMedia
	Plan     PlanOptions // of Plan
}

// PlanOptions are the parameters of application/vnd.pgrst.plan.
type PlanOptions struct {
	JSON                                     bool // +json; else text
	For                                      MediaKind
	ForStripped                              bool
	Analyze, Verbose, Settings, Buffers, WAL bool
}

type mediaName struct {
	name string
	kind MediaKind
}

// mediaNames are the names of kinds. The first of a kind is the one it answers with.
var mediaNames = []mediaName{
	{"*/*", AnyMedia},
	{"application/json", JSON},
	{"application/vnd.pgrst.array+json", JSON},
	{"application/vnd.pgrst.array", JSON},
	{"application/*", JSON},
	{"application/vnd.pgrst.object+json", Object},
	{"application/vnd.pgrst.object", Object},
	{"text/csv", CSV},
	{"application/geo+json", GeoJSON},
	{"application/vnd.pgrst.plan", Plan},
	{"application/vnd.pgrst.plan+text", Plan},
	{"application/vnd.pgrst.plan+json", Plan},
	{"text/plain", PlainText},
	{"text/xml", XML},
	{"application/openapi+json", OpenAPI},
	{"application/x-www-form-urlencoded", Form},
	{"application/octet-stream", OctetStream},
}

// ParseMedia reads one media type with its parameters.
func ParseMedia(s string) Media {
	name, parameters, _ := strings.Cut(s, ";")
	name = strings.ToLower(strings.TrimSpace(name))
	m := Media{Kind: OtherMedia, Name: name}
	if name == "" {
		return Media{}
	}
	for i := range mediaNames {
		if mediaNames[i].name == name {
			m = Media{Kind: mediaNames[i].kind}
		}
	}
	switch {
	case m.Kind == Object || m.Kind == JSON && strings.HasPrefix(name, "application/vnd.pgrst.array"):
		m.Stripped = parameter(parameters, "nulls") == "stripped"
	case m.Kind == Plan:
		m.Plan = planOptions(parameters)
		m.Plan.JSON = strings.HasSuffix(name, "+json")
	}
	return m
}

// parameter finds a parameter of a media type.
func parameter(parameters, name string) string {
	for parameters != "" {
		var p string
		p, parameters, _ = strings.Cut(parameters, ";")
		if key, value, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

func planOptions(parameters string) PlanOptions {
	o := PlanOptions{For: JSON}
	// What the plan is for has parameters of its own, within quotes.
	if _, of, found := strings.Cut(parameters, `for="`); found {
		of, _, _ = strings.Cut(of, `"`)
		o.of(ParseMedia(of))
	} else if of := parameter(parameters, "for"); of != "" {
		o.of(Media{Kind: ParseMedia(of).Kind})
	}
	options := parameter(parameters, "options")
	for options != "" {
		var word string
		word, options, _ = strings.Cut(options, "|")
		switch word {
		case "analyze":
			o.Analyze = true
		case "verbose":
			o.Verbose = true
		case "settings":
			o.Settings = true
		case "buffers":
			o.Buffers = true
		case "wal":
			o.WAL = true
		}
	}
	return o
}

// of says what the plan is for. What no answer is made of changes nothing.
func (o *PlanOptions) of(m Media) {
	if m.Kind != OtherMedia && m.Kind != Plan {
		o.For, o.ForStripped = m.Kind, m.Stripped
	}
}

// String is the media type as it is written in Content-Type, without a charset.
func (m Media) String() string {
	switch {
	case m.Kind == OtherMedia:
		return m.Name
	case m.Kind == JSON && m.Stripped:
		return "application/vnd.pgrst.array+json;nulls=stripped"
	case m.Kind == Object && m.Stripped:
		return "application/vnd.pgrst.object+json;nulls=stripped"
	case m.Kind == Plan:
		return m.Plan.String()
	}
	for i := range mediaNames {
		if mediaNames[i].kind == m.Kind {
			return mediaNames[i].name
		}
	}
	return ""
}

// String is the media type of the plan.
func (o PlanOptions) String() string {
	s := "application/vnd.pgrst.plan+text"
	if o.JSON {
		s = "application/vnd.pgrst.plan+json"
	}
	s += `; for="` + Media{Kind: o.For, Stripped: o.ForStripped}.String() + `"`
	separator := "; options="
	for _, option := range []struct {
		on   bool
		name string
	}{{o.Analyze, "analyze"}, {o.Verbose, "verbose"}, {o.Settings, "settings"}, {o.Buffers, "buffers"}, {o.WAL, "wal"}} {
		if option.on {
			s += separator + option.name
			separator = "|"
		}
	}
	return s
}

// ContentType is the value of Content-Type.
func (m Media) ContentType() string {
	switch m.Kind {
	case AnyMedia, JSON:
		if !m.Stripped {
			return "application/json; charset=utf-8"
		}
	case Object:
		if !m.Stripped {
			return "application/vnd.pgrst.object+json; charset=utf-8"
		}
	case OctetStream, OtherMedia:
		return m.String()
	}
	return m.String() + "; charset=utf-8"
}
