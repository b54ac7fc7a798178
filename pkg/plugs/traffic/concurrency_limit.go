package traffic

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type concurrencyLimit struct {
	max, queue int
	wait       time.Duration
	key        *pipeline.Text
}

// reasonBusy stands where there is no place and no time to wait for one.
const reasonBusy = "busy"

// ConcurrencyLimit bounds how many requests are handled at a time. A request holds its
// place until its answer is out, and a stream or a websocket for as long as it lasts, be it
// passed on or one of the manifest's own. Places are counted per place in the manifest and
// outlive a reload.
func ConcurrencyLimit() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "concurrency_limit", Group: group, Places: pipeline.HTTP | pipeline.Connect, Guard: true, Waits: true,
		Doc:   "Bounds how many requests are handled at a time, and in `connect` how many connections are open; some more may wait their turn.",
		Fails: []pipeline.Reason{{Name: reasonBusy, Status: http.StatusServiceUnavailable}},
	}, func(s *pipeline.Settings, o *concurrencyLimit) {
		var waitAt diag.Pos
		s.Main(s.Int(&o.max, "max", 0, 1, math.MaxInt32, "How many at a time.").Require())
		s.Int(&o.queue, "queue", 0, 0, 1<<16, "How many more may wait, first come first served.")
		s.Duration(&o.wait, "wait", "2s", "How long one may wait.").Observe(func(n *source.Node) { waitAt = n.At })
		s.Text(&o.key, "key", "Counts apart for each value, such as `${request.ip}`; nil refuses. Default: all requests together.")
		s.After(func(d *spec.Decoder, _ *source.Node) {
			if s.Given("wait") && o.queue == 0 && !s.Given("queue") {
				d.Problems.Add(waitAt, "missing-key", "nobody waits where `queue` is 0").Suggest("such as `queue: 50`")
			}
		})
	}, buildConcurrencyLimit)
}

func buildConcurrencyLimit(o concurrencyLimit, b *pipeline.Build) pipeline.Plug {
	var gate *gate
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		gate, err = pipeline.Get(l, "concurrency|"+b.Path, openGate)
		return err
	})
	limits := bounds{o.max, o.queue, o.wait}
	refused := pipeline.Refuse(http.StatusServiceUnavailable, reasonBusy, "too many requests are being handled")
	after := []string{strconv.Itoa(max(1, seconds(o.wait)))}
	return func(c *pipeline.Context) (any, error) {
		key, err := o.keyOf(c)
		if err != nil {
			return nil, err
		}
		if gate.enter(c.Context(), key, limits) {
			c.Hold(func() { gate.leave(key) })
			return nil, nil
		}
		if err := c.R.Context().Err(); err != nil {
			return nil, err // nobody waits for an answer
		}
		if c.W != nil {
			c.W.Header()["Retry-After"] = after // also where an `else` answers
		}
		return nil, refused
	}
}

func openGate() (*gate, func(), error) { return newGate(), nil, nil }

func (o *concurrencyLimit) keyOf(c *pipeline.Context) (string, error) {
	if o.key == nil {
		return "", nil
	}
	key, known, err := textOf(o.key, c)
	if err == nil && !known {
		return "", pipeline.Refuse(http.StatusServiceUnavailable, reasonBusy, "the key of the caller is no text")
	}
	return key, err
}
