package traffic

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/httpcache"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

type cacheSettings struct {
	ttl, whileRevalidating, ifError time.Duration
	key                             *pipeline.Text
	shared                          bool
	vary                            []string
	maxSize, maxEntry               int64
}

// waitForLeader bounds how long a request waits for another that fetches the same.
const waitForLeader = 5 * time.Second

// maxKey bounds what is kept under: whoever sends longer URLs is not looking for a page.
const maxKey = 8 << 10

// Cache answers from what it kept of the answers that the list went on to make, by the
// rules of RFC 9111. No guard may stand behind it.
func Cache() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "cache", Group: group, Places: pipeline.Route, Keeps: true, Waits: true,
		Doc: "Answers from memory, while it is fresh, what the plugs behind it answered before; all guards stand before it.",
	}, cacheDescribe, buildCache)
}

func cacheDescribe(s *pipeline.Settings, o *cacheSettings) {
	s.Main(s.Duration(&o.ttl, "ttl", "0s", "How long an answer is fresh that does not say so itself with Cache-Control or Expires; 0s: it is not kept."))
	s.Text(&o.key, "key", "What tells answers apart beside host, path and query, such as ${current_user.id}; where it is nil nothing is kept.").Default = ""
	s.Bool(&o.shared, "shared", false, "All callers get the same answer, whatever cookies, credentials and names they come with.")
	s.Strings(&o.vary, "vary", "Headers of the request that tell answers apart, beside those that the answer's own Vary names.")
	s.Duration(&o.whileRevalidating, "stale_while_revalidate", "0s", "For how long beyond that one request fetches the answer anew while all others get the old one.")
	s.Duration(&o.ifError, "stale_if_error", "0s", "For how long beyond that the old answer is given when there is none but 500, 502, 503 or 504.")
	s.Size(&o.maxSize, "max_size", "64MB", "How much memory the answers may take.")
	s.Size(&o.maxEntry, "max_entry", "1MB", "The longest body that is kept.")
	s.After(func(d *spec.Decoder, n *source.Node) {
		for _, name := range o.vary {
			if !pipeline.ValidHeaderName(name) {
				d.Problems.Add(at(n, "vary"), "bad-header", "%q is not the name of a header", name)
			}
		}
		if o.maxEntry > o.maxSize {
			d.Problems.Add(at(n, "max_entry"), "wrong-value", "one answer would not fit into `max_size`").Suggest("make `max_size` some hundred times as large")
		}
	})
}

func buildCache(o cacheSettings, b *pipeline.Build) pipeline.Plug {
	if !o.shared && !o.named(b) {
		return nil
	}
	k := &keeper{key: o.key, options: httpcache.Options{TTL: o.ttl, StaleWhileRevalidate: o.whileRevalidating, StaleIfError: o.ifError,
		Vary: o.vary, MaxEntry: o.maxEntry, Covered: o.key != nil || o.shared}}
	name := fmt.Sprintf("cache|%s|%d", b.Path, o.maxSize)
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		k.cache, err = pipeline.Get(l, name, func() (*formatted, func(), error) {
			return &formatted{Cache: httpcache.New(o.maxSize)}, nil, nil
		})
		return err
	})
	return k.run
}

// named reports names that were bound before, and so may be in the answer, and that the key
// does not tell apart.
func (o *cacheSettings) named(b *pipeline.Build) bool {
	var uses []string
	if o.key != nil {
		uses = o.key.Uses()
	}
	ok := true
	for _, n := range b.Visible() {
		if n.Slot < pipeline.FirstNameSlot || slices.Contains(uses, n.Name) {
			continue
		}
		ok = false
		b.Problem(b.At, "cache-key", "%q is bound before the cache, so one caller's answer could be given to another", n.Name).
			Suggest("name it in the key, as in `key: ${%s}`, bind it behind the cache, or write `shared: true` where all callers get the same", n.Name)
	}
	return ok
}

// A keeper is the plug at work.
type keeper struct {
	key     *pipeline.Text
	options httpcache.Options
	cache   *formatted
}

// formatted is a cache that knows the formats of its answers: those that an application
// lists, which are few.
type formatted struct {
	*httpcache.Cache
	formats sync.Map
}

func (k *keeper) run(c *pipeline.Context) (any, error) {
	format, _ := c.Slots[pipeline.SlotFormat].(string)
	key, ok, err := k.keyOf(c, format)
	switch {
	case err != nil:
		return nil, err
	case ok && !safe(c.R.Method):
		return nil, k.invalidate(c)
	case !ok || len(key) > maxKey || !httpcache.Cacheable(c.R):
		k.bypass(c)
		return nil, nil
	}
	if _, known := k.cache.formats.Load(format); !known {
		k.cache.formats.Store(format, nil)
	}
	return nil, k.serve(c, key)
}

// bypass says that the cache has no part in the answer.
func (k *keeper) bypass(c *pipeline.Context) { httpcache.Tell(c.W.Header(), httpcache.Passed, 0) }

func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// invalidate forgets what is kept of what a request changes, once it has (section 4.4): in
// all formats.
func (k *keeper) invalidate(c *pipeline.Context) error {
	var keys []string
	var failed error
	k.cache.formats.Range(func(format, _ any) bool {
		key, _, err := k.keyOf(c, format.(string))
		keys, failed = append(keys, key), err
		return err == nil
	})
	c.BeforeSend(func(_ *pipeline.Context, status int) {
		if status < http.StatusBadRequest {
			for _, key := range keys {
				k.cache.Invalidate(key)
			}
		}
	})
	return failed
}

// serve answers from what is kept, or has the list behind it answer and keeps that.
func (k *keeper) serve(c *pipeline.Context, key string) error {
	personal := !k.options.Covered && httpcache.Personal(c.R)
	for waited := false; ; waited = true {
		now := c.Now()
		e := k.cache.Lookup(key, c.Fingerprint, c.R, &k.options)
		state := httpcache.None
		if e != nil {
			state = e.State(c.R, now)
		}
		if state == httpcache.Fresh {
			k.give(c, e, httpcache.Hit, now)
			return nil
		}
		if httpcache.OnlyIfCached(c.R) {
			return pipeline.Refuse(http.StatusGatewayTimeout, "timeout", "nothing is kept that answers this")
		}
		if personal || waited || c.R.Method != http.MethodGet || k.cache.Uncacheable(key, now) {
			k.record(c, key, e, nil)
			return nil
		}
		flight, leading := k.cache.Begin(key)
		if leading {
			c.Defer(flight.Land)
			k.record(c, key, e, flight)
			return nil
		}
		if state == httpcache.Stale {
			k.give(c, e, httpcache.Gone, now)
			return nil
		}
		wait(c, flight)
	}
}

// wait waits for the one that fetches the same, and not for ever: it may be slow, or have
// a slow client.
func wait(c *pipeline.Context, flight *httpcache.Flight) {
	patience := time.NewTimer(waitForLeader)
	defer patience.Stop()
	select {
	case <-flight.Done():
	case <-patience.C:
	case <-c.Context().Done():
	}
}

func (k *keeper) give(c *pipeline.Context, e *httpcache.Entry, v httpcache.Verdict, now time.Time) {
	c.Begin()
	httpcache.Send(c.W, c.R, e, v, now)
}

// record has the list behind the plug answer, and keeps its answer.
func (k *keeper) record(c *pipeline.Context, key string, e *httpcache.Entry, flight *httpcache.Flight) {
	rec := k.cache.Record(c.W, c.R, key, &k.options, c.Now)
	rec.Flight, rec.By = flight, c.Fingerprint
	if e != nil && e.StandsIn(c.Now()) {
		rec.Stale = e
	}
	if flight != nil {
		c.R = rec.Ask(e)
	}
	c.W = rec
	format := c.Slots[pipeline.SlotFormat]
	c.OnFinish(func() error {
		if c.Slots[pipeline.SlotFormat] != format {
			rec.Drop() // it was told apart behind the cache, so the key does not know it
		}
		rec.Finish()
		if flight != nil {
			flight.Land()
		}
		return nil
	})
}

// keyOf is what the answer is kept under. ok is false where the key of the caller is nil.
func (k *keeper) keyOf(c *pipeline.Context, format string) (key string, ok bool, err error) {
	b := c.Scratch()
	for _, part := range []string{c.Request.Scheme(), strings.ToLower(c.Request.Host()), c.R.URL.EscapedPath(), c.R.URL.RawQuery, format} {
		b = append(append(b, 0), part...)
	}
	ok = true
	if k.key != nil {
		b, ok, err = k.appendKey(append(b, 0), c)
	}
	key = string(b)
	c.Lend(b)
	return key, ok, err
}

func (k *keeper) appendKey(b []byte, c *pipeline.Context) ([]byte, bool, error) {
	if k.key.Whole() == nil {
		b, err := k.key.Append(b, c.Frame)
		return b, true, err
	}
	v, err := k.key.Eval(c.Frame)
	if v == nil || err != nil {
		return b, false, err
	}
	if b, err = value.AppendText(b, v); err != nil {
		return b, false, k.key.Misfit(c.Frame, v, err)
	}
	return b, true, nil
}

// at is the place of a setting, or of all when it is not written.
func at(n *source.Node, name string) diag.Pos {
	if x := n.Get(name); x != nil {
		return x.At
	}
	return n.At
}
