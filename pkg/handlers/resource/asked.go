package resource

import (
	"mime"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// methodQuery asks as GET does, with the query in the body: for filters that are longer
// than a URL may be (The HTTP QUERY Method, RFC 10008).
const methodQuery = "QUERY"

// maxQuery bounds the body of a QUERY in bytes.
const maxQuery = 1 << 20

// asked is what a request says about the rows and about its answer.
type asked struct {
	*postgrest.Query
	prefer postgrest.Preferences
	media  postgrest.Media
	list   bool   // the media type is one of lists
	wrap   string // the member that the answer is put into; "": none
}

// ask reads the query and the headers of a request.
func (x *rules) ask(c *pipeline.Context) (*asked, error) {
	a := &asked{prefer: postgrest.ParsePrefer(c.R.Header["Prefer"], postgrest.PreferOptions{Tx: true, Zones: x.hasZone})}
	if err := a.prefer.Check(); err != nil {
		return nil, err
	}
	err := x.profiled(c)
	if err != nil {
		return nil, err
	}
	accept := c.R.Header["Accept"]
	if a.media, err = postgrest.Accept(accept, rows.Media); err != nil {
		return nil, err
	}
	if a.media.Kind == postgrest.JSON || a.media.Kind == postgrest.AnyMedia {
		a.list = a.media.Kind == postgrest.JSON && strings.Contains(strings.Join(accept, ","), "vnd.pgrst.array")
		if !a.list {
			a.wrap = x.entry.Wrap
		}
	}
	text, limits := c.R.URL.RawQuery, postgrest.Limits{}
	if c.R.Method == methodQuery {
		limits.Length = maxQuery
		if text, err = queryBody(c, text); err != nil {
			return nil, err
		}
	}
	if a.Query, err = postgrest.Parse(text, postgrest.Options{Limits: limits}); err != nil {
		return nil, err
	}
	if x.reads {
		a.prefer.Resolution, a.prefer.Missing, a.prefer.Return, a.prefer.Bounded = "", "", "", false
	}
	return a, nil
}

// profiled checks that a request which names a schema of the database means the one that
// has the rows. A write names it in Content-Profile.
func (x *rules) profiled(c *pipeline.Context) error {
	name := "Accept-Profile"
	if !x.reads {
		name = "Content-Profile"
	}
	asked := c.R.Header.Get(name)
	if asked == "" {
		return nil
	}
	if schema := x.served.databaseSchema(); asked != schema {
		return &postgrest.Error{Status: http.StatusNotAcceptable, Code: "PGRST106", Message: "Invalid schema: " + rows.Clip(asked),
			Hint: "Only the following schemas are exposed: " + schema}
	}
	c.W.Header()["Content-Profile"] = []string{asked}
	return nil
}

// hasZone tells whether times can be told in a zone. SQLite has none.
func (x *rules) hasZone(name string) bool {
	return x.table.Store.Dialect != expr.SQLite && rows.HasZone(name)
}

// queryBody reads the query of a QUERY: its body, then what stands in the URL.
func queryBody(c *pipeline.Context, url string) (string, error) {
	kind, _, err := mime.ParseMediaType(c.R.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		c.W.Header()["Accept-Query"] = []string{"application/x-www-form-urlencoded"}
		return "", unsupported("the query is a body of the type application/x-www-form-urlencoded")
	}
	raw, whole, err := c.PeekBody(maxQuery)
	switch {
	case err != nil:
		return "", err
	case !whole:
		return "", pipeline.Refuse(http.StatusRequestEntityTooLarge, "too_large", "the query is larger than %d bytes", maxQuery)
	case url == "":
		return string(raw), nil
	}
	return string(raw) + "&" + url, nil
}

// plain tells a request that asks for no other form than JSON and states no preference.
func plain(c *pipeline.Context) bool {
	if h := c.R.Header; len(h["Prefer"]) > 0 || len(h["Accept-Profile"]) > 0 || len(h["Content-Profile"]) > 0 {
		return false
	}
	accept := c.R.Header["Accept"]
	return len(accept) == 0 || len(accept) == 1 && (accept[0] == "*/*" || accept[0] == "application/json")
}

// begin opens the answer of a list; names are those of its columns.
func (a *asked) begin(dst []byte, names []string) []byte {
	if a.wrap != "" {
		dst = append(value.AppendJSONString(append(dst, '{'), a.wrap), ':')
	}
	return rows.Begin(dst, a.media, names)
}

// end closes what begin opened, behind a number of rows.
func (a *asked) end(dst []byte, n int) []byte {
	dst = rows.End(dst, a.media, n)
	if a.wrap != "" {
		dst = append(dst, '}')
	}
	return dst
}

// beginRow opens the answer of one row, which is a list only where the media type is one.
func (a *asked) beginRow(dst []byte, names []string) []byte {
	if a.list || a.media.Kind == postgrest.CSV {
		return a.begin(dst, names)
	}
	if a.wrap != "" {
		dst = append(value.AppendJSONString(append(dst, '{'), a.wrap), ':')
	}
	return dst
}

// endRow closes what beginRow opened.
func (a *asked) endRow(dst []byte) []byte {
	if a.list || a.media.Kind == postgrest.CSV {
		return a.end(dst, 1)
	}
	if a.wrap != "" {
		dst = append(dst, '}')
	}
	return dst
}

func (a *asked) contentType() []string { return rows.ContentType(a.media) }

// reading runs do on the store, in a transaction where something is set for it: the zone
// that times are told in.
func (x *rules) reading(c *pipeline.Context, zone string, do func(store.Querier) error) error {
	if zone == "" || c.InTransaction() {
		return x.on(c, do)
	}
	o, err := x.security(c)
	if err != nil {
		return err
	}
	if o.ReadOnly = true; o.Settings == nil {
		o.Settings = map[string]string{}
	}
	o.Settings["timezone"] = zone
	return x.table.Store.TxWith(c.Context(), o, func(tx store.Tx) error { return do(tx) })
}

// headers are those of one answer. Their values are pieces of one text, so that many cost
// as much as one.
type headers struct {
	names [8]string
	ends  [8]int
	n     int
	text  []byte
}

// headerRoom is the length of most answers' headers.
const headerRoom = 256

// begin gives what a value is appended to.
func (h *headers) begin() []byte {
	if h.text == nil {
		h.text = make([]byte, 0, headerRoom)
	}
	return h.text
}

// add takes a value that was appended.
func (h *headers) add(name string, text []byte) {
	h.text, h.names[h.n], h.ends[h.n] = text, name, len(text)
	h.n++
}

// put writes them into the answer.
func (h *headers) put(c *pipeline.Context) {
	to, text, values, start := c.W.Header(), string(h.text), make([]string, h.n), 0
	for i := range values {
		values[i] = text[start:h.ends[i]]
		to[h.names[i]] = values[i : i+1 : i+1]
		start = h.ends[i]
	}
}
