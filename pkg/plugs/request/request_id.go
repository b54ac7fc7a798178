package request

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Lengths of an id that is kept as it came, in bytes, as Plug.RequestId has them.
const (
	minID = 20
	maxID = 200
)

const idHeader = "X-Request-Id"

// RequestID gives each request an id, which stands in the answer, in the log, and in what a
// proxy passes on.
func RequestID() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "request_id", Group: group, Places: pipeline.HTTP,
		Doc: "Gives the request an id, or keeps the `x-request-id` that it came with (20 to 200 visible characters), for the answer, the log and services behind.",
	}, func(*pipeline.Settings, *struct{}) {}, func(_ struct{}, b *pipeline.Build) pipeline.Plug {
		random := io.Reader(rand.Reader)
		if f := b.Env.Functions; f != nil && f.Random != nil {
			random = f.Random
		}
		return func(c *pipeline.Context) (any, error) {
			id := ""
			came := c.R.Header[idHeader]
			if len(came) > 0 && isID(came[0]) {
				id = came[0]
			} else {
				var err error
				if id, err = newID(random, c); err != nil {
					return nil, err
				}
			}
			named := &identity{header: [1]string{id}}
			c.Request.ID = id
			c.W.Header()[idHeader] = named.header[:1:1]
			if len(came) != 1 || came[0] != id {
				c.R.Header[idHeader] = named.header[:1:1] // a service behind is told the same id
			}
			unlist(c.R.Header, idHeader)
			if c.Log != nil {
				c.Log = named.logger(c.Log.Handler())
			}
			return nil, nil
		}
	})
}

func isID(s string) bool {
	if len(s) < minID || len(s) > maxID {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// identity is what a request's id needs on the heap, in one piece.
type identity struct {
	header  [1]string
	handler logged
	log     slog.Logger
}

// logger adds the id to what is logged.
func (i *identity) logger(h slog.Handler) *slog.Logger {
	i.handler = logged{h, i.header[0]}
	i.log = *slog.New(&i.handler)
	return &i.log
}

// newID makes 20 characters of base64url. A reader may be anything, so what it fills is on
// the heap: the context's buffer is there already.
func newID(random io.Reader, c *pipeline.Context) (string, error) {
	raw := append(c.Scratch(), make([]byte, 15)...)
	defer c.Lend(raw)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	var text [20]byte
	base64.RawURLEncoding.Encode(text[:], raw)
	return string(text[:]), nil
}

// logged adds the id when something is logged, which most requests never do.
type logged struct {
	slog.Handler
	id string
}

func (l *logged) attr() slog.Attr { return slog.String("request_id", l.id) }

// Handle implements slog.Handler.
func (l *logged) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.AddAttrs(l.attr())
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l *logged) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logged{l.Handler.WithAttrs(attrs), l.id}
}

// WithGroup implements slog.Handler. The id stays outside of the group.
func (l *logged) WithGroup(name string) slog.Handler {
	return l.Handler.WithAttrs([]slog.Attr{l.attr()}).WithGroup(name)
}
