package messages

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/outbound"
)

const maxAttempts = 5

// retry says when to ask again. Between attempts there is a pause that doubles, with some
// chance in it, so that many who failed at once do not come back at once.
type retry struct {
	attempts int
	on       []string
	unsafe   bool
	at, onAt diag.Pos

	statuses []int
}

const firstPause = 100 * time.Millisecond

func describeRetry(f *spec.Fields, r *retry) {
	f.Block("retry", "Asks again after a failure, with a growing pause between.", func(f *spec.Fields) {
		x := f.Int(&r.attempts, "attempts", 1, 1, maxAttempts, "How often to ask at most.")
		x.Observe(func(n *source.Node) { r.at = n.At })
		f.Main(x)
		on := f.Strings(&r.on, "on", "After which failures: `refused`, `timeout`, or the status of an answer.")
		on.Default = "[refused, 502, 503, 504]"
		on.Observe(func(n *source.Node) { r.onAt = n.At })
		f.Bool(&r.unsafe, "unsafe", false, "Also for POST and PATCH, which may then be done twice.")
	})
}

func (r *retry) check(d *spec.Decoder, method string) {
	if r.on == nil {
		r.on = []string{outbound.Refused, "502", "503", "504"}
	}
	for _, word := range r.on {
		status, err := strconv.Atoi(word)
		switch {
		case word == outbound.Refused || word == outbound.Timeout:
		case err != nil || status < 400 || status > 599:
			d.Problems.Add(r.onAt, "wrong-value", "%q is no failure to ask again after", word).Suggest("write refused, timeout, or a status from 400 to 599")
		default:
			r.statuses = append(r.statuses, status)
		}
	}
	if r.attempts > 1 && !r.unsafe && (method == http.MethodPost || method == http.MethodPatch) {
		d.Problems.Add(r.at, "unsafe-retry", "a %s that is sent again may be done twice", method).
			Suggest("leave `retry` out, or write `retry: {attempts: %d, unsafe: true}` where the service knows it again", r.attempts)
	}
}

func (r *retry) again(answer *outbound.Answer, err error) bool {
	if err == nil {
		return slices.Contains(r.statuses, answer.Status)
	}
	var failure *outbound.Failure
	return errors.As(err, &failure) && slices.Contains(r.on, failure.Reason)
}

// do asks until there is an answer to go by. The last failure is the one that counts.
func (r *retry) do(ctx context.Context, ask func() (*outbound.Answer, error)) (*outbound.Answer, error) {
	pause := firstPause
	for left := r.attempts; ; left-- {
		answer, err := ask()
		if left <= 1 || !r.again(answer, err) {
			return answer, err
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return answer, err
		}
		pause *= 2
	}
}
