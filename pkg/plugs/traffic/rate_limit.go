package traffic

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/ratelimit"
	"github.com/openmanifest/gateway/pkg/value"
)

type rateLimit struct {
	rate  spec.Rate
	burst int
	key   *pipeline.Text
}

const reasonLimited = "rate_limited"

// RateLimit refuses callers who come too often. It counts by GCRA, per place in the
// manifest: the counters outlive a reload that leaves the place, rate and burst as they are.
func RateLimit() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "rate_limit", Group: group, Guard: true,
		Places: pipeline.HTTP | pipeline.Connect | pipeline.Join | pipeline.AfterJoin | pipeline.In,
		Doc:    "Refuses a caller who comes more often than the rate; callers are told apart by `key`.",
		Fails:  []pipeline.Reason{{Name: reasonLimited, Status: http.StatusTooManyRequests}},
	}, rateLimitSettings, buildRateLimit)
}

func rateLimitSettings(s *pipeline.Settings, o *rateLimit) {
	s.Main(s.Rate(&o.rate, "rate", "", "How often one caller may come in the long run.").Require())
	s.Int(&o.burst, "burst", 0, 1, math.MaxInt32, "How often at once, after a pause; the count of the rate when left out.").Default = ""
	s.Text(&o.key, "key", "What tells callers apart; nil refuses. Default: the address of the client (of IPv6 its /64), in channels the id of the socket.").Default = ""
}

func buildRateLimit(o rateLimit, b *pipeline.Build) pipeline.Plug {
	if o.burst == 0 {
		o.burst = o.rate.Count
	}
	var limiter *ratelimit.Limiter
	name := fmt.Sprintf("limit|%s|%d/%s|%d", b.Path, o.rate.Count, o.rate.Per, o.burst)
	clock := b.Env.Now
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		limiter, err = pipeline.Get(l, name, func() (*ratelimit.Limiter, func(), error) {
			return ratelimit.New(ratelimit.Rate{Count: o.rate.Count, Per: o.rate.Per}, o.burst, steady(clock)), nil, nil
		})
		return err
	})
	key, limit := o.keyOf(b.Place), []string{strconv.Itoa(o.burst)}
	return func(c *pipeline.Context) (any, error) {
		k, err := key(c)
		if err != nil {
			return nil, err
		}
		ok, remaining, wait, reset := limiter.Allow(k)
		if c.W != nil {
			tell(c.W.Header(), limit, remaining, reset)
		}
		if ok {
			return nil, nil
		}
		return nil, tooOften(c, wait)
	}
}

// steady counts nanoseconds by a clock that is never set back.
func steady(clock func() time.Time) func() int64 {
	start := clock()
	return func() int64 { return int64(clock().Sub(start)) }
}

// keyOf gives the way to a caller's key.
func (o rateLimit) keyOf(place pipeline.Place) func(*pipeline.Context) (string, error) {
	switch {
	case o.key != nil:
		return o.computed
	case place&(pipeline.HTTP|pipeline.Connect) != 0:
		return func(c *pipeline.Context) (string, error) { return network(c.Request.IP()), nil }
	}
	return func(c *pipeline.Context) (string, error) {
		socket, _ := c.Slots[pipeline.SlotSocket].(value.Object)
		if socket != nil {
			id, _ := socket.Member("id")
			if text, ok := id.(string); ok {
				return text, nil
			}
		}
		return "", noKey("the socket has no id, and this rate limit no key")
	}
}

// network is the address of a client, of IPv6 the first half: a client has the other half
// to itself and could come with a new address each time.
func network(ip string) string {
	if strings.IndexByte(ip, ':') < 0 {
		return ip
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	bytes := a.As16()
	return string(bytes[:8])
}

func (o rateLimit) computed(c *pipeline.Context) (string, error) {
	key, known, err := textOf(o.key, c)
	if err == nil && !known {
		return "", noKey("the key of the caller is nil, or no text")
	}
	return key, err
}

// textOf computes a key. known is false for nil and for what is no text: callers without a
// key must not share one.
func textOf(t *pipeline.Text, c *pipeline.Context) (key string, known bool, err error) {
	if t.Whole() == nil {
		key, err = t.String(c)
		return key, err == nil, err
	}
	v, err := t.Eval(c.Frame)
	if err != nil || v == nil {
		return "", false, err
	}
	if text, ok := v.(string); ok {
		return text, true, nil
	}
	text, err := value.AppendText(nil, v)
	return string(text), err == nil, nil
}

// noKey refuses a caller who cannot be told from others.
func noKey(why string) *pipeline.Refusal {
	return pipeline.Refuse(http.StatusTooManyRequests, reasonLimited, "%s", why)
}

// tell sets the headers of draft-ietf-httpapi-ratelimit-headers-06. The tightest limit of
// several stays.
func tell(h http.Header, limit []string, remaining int, reset time.Duration) {
	if before := h["Ratelimit-Remaining"]; len(before) == 1 {
		if n, err := strconv.Atoi(before[0]); err == nil && n <= remaining {
			return
		}
	}
	values := []string{strconv.Itoa(remaining), strconv.Itoa(seconds(reset))}
	h["Ratelimit-Limit"] = limit
	h["Ratelimit-Remaining"] = values[0:1:1]
	h["Ratelimit-Reset"] = values[1:2:2]
}

// seconds rounds up: a client that comes back then is let in.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func tooOften(c *pipeline.Context, wait time.Duration) *pipeline.Refusal {
	after := max(1, seconds(wait))
	refusal := pipeline.Refuse(http.StatusTooManyRequests, reasonLimited, "too many requests; the next one passes in %d s", after)
	header := []string{strconv.Itoa(after)}
	if c.W != nil {
		c.W.Header()["Retry-After"] = header // also where an `else` answers
		return refusal
	}
	refusal.Headers = http.Header{"Retry-After": header}
	return refusal
}
