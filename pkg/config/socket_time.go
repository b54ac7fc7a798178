package config

import (
	"slices"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// The bounds of a channel's `every`. An interval runs for each membership: below
// minInterval, starting the list would cost more than what it does.
const (
	minInterval  = 100 * time.Millisecond
	maxInterval  = 7 * 24 * time.Hour
	maxIntervals = 8 // of one channel
)

// An Interval is a list of plugs that runs again and again for each membership.
type Interval struct {
	Every time.Duration
	Name  string // as written
	At    diag.Pos
	List  *source.Node
}

// A History says how much of what is broadcast to a topic is kept. The zero History: nothing.
type History struct {
	Size int
	TTL  time.Duration
}

// The bounds of a History. All of it may be sent at once to a member that comes back, whose
// outbox has room for more than maxHistory.
const (
	maxHistory    = 2000
	minHistoryTTL = time.Second
)

// every binds lists by interval.
func every(f *spec.Fields, p *[]Interval) {
	schema := spec.MapOf(spec.Definition("every_plugs"))
	schema["type"] = spec.Types("object", "null")
	schema["propertyNames"] = spec.Schema{"pattern": spec.DurationPattern}
	schema["maxProperties"] = maxIntervals
	f.Add("every", "map of lists of plugs", "What runs for each member at an interval after its join, such as `30s`, give or take a tenth.", schema, func(d *spec.Decoder, n *source.Node) {
		*p = nil
		if n.Null() {
			return
		}
		if n.Kind != source.Map {
			d.Problems.Add(n.At, "not-a-map", "`every` is a map of intervals").Suggest("such as `every: {30s: [...]}`")
			return
		}
		for _, e := range n.Entries {
			if interval, ok := intervalOf(d, e, *p); ok {
				*p = append(*p, interval)
			}
		}
		if len(*p) > maxIntervals {
			d.Problems.Add(n.At, "too-many", "a channel has at most %d intervals", maxIntervals)
		}
	})
}

func intervalOf(d *spec.Decoder, e source.Entry, earlier []Interval) (Interval, bool) {
	i := Interval{Name: e.Key.Value, At: e.Key.At, List: e.Value}
	var ok bool
	if i.Every, ok = spec.ParseDuration(e.Key.Value); !ok {
		d.Problems.Add(e.Key.At, "wrong-value", "expected a duration, found %q", e.Key.Value).Suggest("write a unit: 500ms, 30s, 15m, 24h, 7d or 1h30m")
		return Interval{}, false
	}
	if i.Every < minInterval || i.Every > maxInterval {
		d.Problems.Add(e.Key.At, "wrong-value", "an interval is from 100ms to 7d").Suggest("it runs for each member of each topic")
		return Interval{}, false
	}
	k := slices.IndexFunc(earlier, func(o Interval) bool { return o.Every == i.Every })
	if k >= 0 {
		d.Problems.Add(e.Key.At, "duplicate-interval", "%s is as long as %s", i.Name, earlier[k].Name).Relate(earlier[k].At, "the other one").Suggest("put both lists into one")
		return Interval{}, false
	}
	return i, true
}

// history binds what is kept for members that come back.
func history(f *spec.Fields, p **History) {
	var h History
	inner := spec.NewFields("`history`")
	inner.Int(&h.Size, "size", 100, 1, maxHistory, "How many of a topic's last broadcasts are kept.")
	inner.Duration(&h.TTL, "ttl", "1h", "How long one is kept; at least 1s.")
	f.Add("history", "map", "Keeps what is broadcast to a topic, so that a client that lost its connection gets what it missed: `{size: 100, ttl: 1h}`. Default: nothing is kept.", inner.Schema(),
		func(d *spec.Decoder, n *source.Node) {
			inner.Decode(d, n, diag.Pos{})
			if ttl := n.Get("ttl"); ttl != nil && h.TTL < minHistoryTTL {
				d.Problems.Add(ttl.At, "wrong-value", "`ttl` is at least 1s")
			}
			*p = &h
		})
}
