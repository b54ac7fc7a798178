package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// onceTable keeps the answers of creates that came with an Idempotency-Key
// (draft-ietf-httpapi-idempotency-key-header-07), each written in the transaction of its row.
const onceTable = "idempotency_keys"

func onceColumns() store.Table {
	text := func(name string, nullable bool) store.Column {
		return store.Column{Name: name, Type: store.Text, Nullable: nullable}
	}
	scope, key := text("scope", false), text("key", false)
	scope.Primary, key.Primary = true, true
	return store.Table{Name: onceTable, Columns: []store.Column{scope, key, text("content", false), {Name: "status", Type: store.Integer, Nullable: true},
		text("headers", true), {Name: "body", Type: store.Binary, Nullable: true}, {Name: "expires_at", Type: store.Datetime}}}
}

// onces are the statements of a resource whose creates may come with a key.
type onces struct {
	begin, find, keep, expire, purge *store.Statement
	lasts                            time.Duration

	mu    sync.Mutex
	going map[string]bool // the keys under way
	begun uint            // how many were
}

// purgeEvery is how often keys that are over are removed in passing.
const purgeEvery = 64

func newOnces(t *records.Table, lasts time.Duration) *onces {
	table := store.Quote(onceTable)
	st := func(pieces ...string) *store.Statement {
		q := t.Text()
		for i, piece := range pieces {
			if i > 0 {
				q.Arg()
			}
			q.Add(piece)
		}
		return q.Statement()
	}
	return &onces{
		lasts: lasts, going: map[string]bool{},
		begin:  st("insert into "+table+` (scope, "key", content, expires_at) values (`, ", ", ", ", ", ", `) on conflict (scope, "key") do nothing`),
		find:   st("select content, status, headers, body from "+table+" where scope = ", ` and "key" = `, ""),
		keep:   st("update "+table+" set status = ", ", headers = ", ", body = ", " where scope = ", ` and "key" = `, ""),
		expire: st("delete from "+table+" where scope = ", ` and "key" = `, " and expires_at <= ", ""),
		purge:  st("delete from "+table+" where expires_at <= ", ""),
	}
}

// enter notes a key as under way; false: it is already.
func (o *onces) enter(id string) (purge, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.going[id] {
		return false, false
	}
	o.going[id] = true
	o.begun++
	return o.begun%purgeEvery == 1, true
}

func (o *onces) leave(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.going, id)
}

// once is one create with a key.
type once struct {
	*onces
	scope, key, content string
	purging             bool
}

// maxKey bounds a key in bytes.
const maxKey = 255

// onceOf reads the key of a request; nil: it has none.
func (w *write) onceOf() (*once, error) {
	lines := w.c.R.Header["Idempotency-Key"]
	if len(lines) == 0 || w.c.InTransaction() {
		return nil, nil
	}
	if w.onces == nil {
		return nil, &problem{Status: http.StatusBadRequest, Code: "idempotency_key", Message: "this resource keeps no idempotency keys", Hint: "leave the header out, or write `idempotency: 24h` for the resource"}
	}
	key := strings.TrimSpace(lines[0])
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' { // a string of RFC 8941
		key = key[1 : len(key)-1]
	}
	if len(lines) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' }) {
		return nil, &problem{Status: http.StatusBadRequest, Code: "idempotency_key", Message: "the idempotency key is not one string of 1 to 255 visible characters"}
	}
	raw, _, err := w.c.PeekBody(pipeline.DefaultMaxBody)
	if err != nil {
		return nil, err
	}
	scope := []byte(w.c.R.URL.Path)
	for _, v := range w.limits {
		scope = append(scope, 0)
		if text, err := value.AppendText(scope, v); err == nil {
			scope = text
		}
	}
	h := w.c.R.Header
	if len(w.own) == 0 { // nothing else tells callers apart
		scope = append(append(scope, 0), h.Get("Authorization")...)
	}
	content := hashed([]byte(w.c.R.URL.RawQuery), []byte(h.Get("Content-Type")), []byte(h.Get("Accept")), []byte(strings.Join(h["Prefer"], ",")), raw)
	return &once{onces: w.onces, scope: hashed(scope), key: key, content: content}, nil
}

func hashed(parts ...[]byte) string {
	sum := sha256.New()
	for _, part := range parts {
		length := [8]byte{}
		for i, n := 0, len(part); i < len(length); i, n = i+1, n>>8 {
			length[i] = byte(n)
		}
		sum.Write(length[:])
		sum.Write(part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// replayed ends a transaction in which the first answer was found.
type replayed struct {
	status  int
	headers map[string]any
	body    []byte
}

func (*replayed) Error() string { return "the request was answered before" }

// enters begins a create with a key; leave must be called when it is over.
func (w *write) enters() (leave func(), err error) {
	if w.once == nil {
		return func() {}, nil
	}
	id := w.once.scope + w.once.key
	purge, ok := w.once.enter(id)
	if !ok {
		return nil, &problem{Status: http.StatusConflict, Code: "idempotency_key", Message: "a request with this key is under way"}
	}
	w.once.purging = purge
	return func() { w.once.leave(id) }, nil
}

// claim takes the key for this transaction. Another one that has it and is not over is
// waited for.
func (o *once) claim(w *write, q store.Querier) error {
	ctx, now := w.c.Context(), w.c.Now().UTC()
	if o.purging {
		if _, err := q.Exec(ctx, o.purge, []any{now}); err != nil {
			return err
		}
	}
	if _, err := q.Exec(ctx, o.expire, []any{o.scope, o.key, now}); err != nil {
		return err
	}
	r, err := q.Exec(ctx, o.begin, []any{o.scope, o.key, o.content, now.Add(o.lasts)})
	if err != nil || r.Affected == 1 {
		return err
	}
	row, err := records.One(q.Query(ctx, o.find, []any{o.scope, o.key}, 1))
	switch {
	case err != nil:
		return err
	case row == nil || row.Values[1] == nil:
		return &problem{Status: http.StatusConflict, Code: "idempotency_key", Message: "a request with this key is under way"}
	case row.Values[0] != o.content:
		return &problem{Status: http.StatusUnprocessableEntity, Code: "idempotency_key", Message: "the key was sent before with another request"}
	}
	status, _ := row.Values[1].(int64)
	text, _ := row.Values[2].(string)
	body, _ := row.Values[3].([]byte)
	headers, err := value.DecodeJSON([]byte(text))
	if err != nil {
		return err
	}
	fields, _ := headers.(map[string]any)
	return &replayed{status: int(status), headers: fields, body: body}
}

// kept keeps the answer that is about to be sent.
func (o *once) kept(w *write, q store.Querier, status int, contentType []string, body []byte) error {
	headers := map[string]any{}
	for _, name := range w.repeated() {
		if v := w.c.W.Header().Get(name); v != "" {
			headers[name] = v
		}
	}
	if len(contentType) > 0 {
		headers["Content-Type"] = contentType[0]
	}
	text, err := value.AppendJSON(nil, headers)
	if err != nil {
		return err
	}
	_, err = q.Exec(w.c.Context(), o.keep, []any{int64(status), string(text), append([]byte{}, body...), o.scope, o.key})
	return err
}

// again sends the first answer.
func (r *replayed) again(c *pipeline.Context) error {
	for name, v := range r.headers {
		if text, ok := v.(string); ok {
			c.W.Header()[name] = []string{text}
		}
	}
	return c.Answer(r.status, nil, r.body)
}
