package traffic_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

// serve runs the list in a context of its own, as a server does.
func serve(c *pipetest.Compiled, clock func() time.Time, r *http.Request) string {
	ctx, w := pipeline.NewContext(64), httptest.NewRecorder()
	ctx.Now, ctx.Place, ctx.Log = clock, pipeline.Route, c.Env.Log
	ctx.Start(w, r)
	defer ctx.Reset()
	if err := c.Steps.Run(ctx); err != nil {
		return err.Error()
	}
	if err := ctx.Finish(); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s %s", w.Code, w.Header().Get("X-Cache"), w.Body)
}

func TestOneRequestFetchesForAll(t *testing.T) {
	tests := []struct {
		name, says, list string
		slow             time.Duration
		want             map[string]int
		calls            int32
	}{
		{"it is kept", "", "- cache: 1m\n", time.Second, map[string]int{"200 miss 1": 1, "200 hit 1": 9}, 1},
		{"it is slower than they wait", "", "- cache: 1m\n", 20 * time.Second, nil, 10},
		{"it is not to be kept", "Cache-Control: private", "- cache: 1m\n", time.Second, nil, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := says(tt.says).answer
				src := &source{}
				src.answer = func(c *pipeline.Context, n int) error {
					<-time.After(tt.slow)
					return good(c, n)
				}
				c := src.app(tt.list, newClock()).Compile(t)
				var mu sync.Mutex
				var all sync.WaitGroup
				got := map[string]int{}
				start := time.Now()
				for range 10 {
					all.Go(func() {
						text := serve(c, time.Now, ask("GET /"))
						mu.Lock()
						defer mu.Unlock()
						got[text]++
					})
				}
				all.Wait()
				if tt.want != nil && fmt.Sprint(got) != fmt.Sprint(tt.want) || src.calls.Load() != tt.calls {
					t.Errorf("answers %v, asked %d times, want %v, %d", got, src.calls.Load(), tt.want, tt.calls)
				}
				if took := time.Since(start); took > tt.slow+5*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestStaleWhileOneFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{}
		src.answer = func(c *pipeline.Context, n int) error {
			if n > 1 {
				<-time.After(time.Second)
			}
			return c.AnswerExactly(200, pipeline.TextType, fmt.Append(nil, n))
		}
		c := src.app("- cache: {ttl: 1m, stale_while_revalidate: 1m}\n", newClock()).Compile(t)
		serve(c, time.Now, ask("GET /"))
		<-time.After(70 * time.Second)
		fetching := make(chan string)
		go func() { fetching <- serve(c, time.Now, ask("GET /")) }()
		synctest.Wait()
		before := time.Now()
		if got := serve(c, time.Now, ask("GET /")); got != "200 stale 1" || time.Since(before) > 0 {
			t.Errorf("meanwhile: %q after %s", got, time.Since(before))
		}
		if got := <-fetching; got != "200 miss 2" {
			t.Errorf("the one that fetches: %q", got)
		}
		if got := serve(c, time.Now, ask("GET /")); got != "200 hit 2" {
			t.Errorf("afterwards: %q", got)
		}
	})
}

// What was asked for before a change is not kept after it, and one who is given up on lets
// the others go on. A request with a cookie waits for nobody, and nobody for it.
func TestAChangeMeanwhile(t *testing.T) {
	for _, cookie := range []string{"", "|Cookie: a=b"} {
		src, public := &source{}, says("Cache-Control: public").answer
		var c *pipetest.Compiled
		clock := newClock()
		src.answer = func(ctx *pipeline.Context, n int) error {
			if n == 1 {
				serve(c, clock.Now, ask("POST /"))
			}
			return public(ctx, n)
		}
		c = src.app("- cache: 1m\n", clock).Compile(t)
		for i, want := range []string{"200 miss 1", "200 miss 3", "200 hit 3"} {
			if got := serve(c, clock.Now, ask("GET /"+cookie)); got != want {
				t.Errorf("answer %d with %q: %q, want %q", i+1, cookie, got, want)
			}
		}
	}
}

// Nobody waits for the end of an answer that is not to be kept: it may be a stream.
func TestStreamsAreNotWaitedFor(t *testing.T) {
	for name, list := range map[string]string{"never kept": "- cache\n", "too long": "- cache: {ttl: 1m, max_entry: 5B}\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := &source{answer: func(c *pipeline.Context, _ int) error {
					<-time.After(time.Second)
					if _, err := io.WriteString(c.W, "event 1\n"); err != nil {
						return err
					}
					<-time.After(time.Hour)
					return nil
				}}
				c := src.app(list, newClock()).Compile(t)
				var all sync.WaitGroup
				start := time.Now()
				for range 3 {
					all.Go(func() { serve(c, time.Now, ask("GET /")) })
				}
				all.Wait()
				if took := time.Since(start); took != time.Hour+2*time.Second {
					t.Errorf("side by side they took %s", took)
				}
			})
		})
	}
}

func TestWhatBreaksOffIsNotKept(t *testing.T) {
	broken := errors.New("broken")
	src := &source{answer: func(c *pipeline.Context, n int) error {
		c.W.WriteHeader(200)
		_, err := io.WriteString(c.W, "half")
		if n == 1 {
			return errors.Join(err, broken)
		}
		return err
	}}
	clock := newClock()
	c := src.app("- cache: 1m\n", clock).Compile(t)
	if got := serve(c, clock.Now, ask("GET /")); !strings.Contains(got, "broken") {
		t.Errorf("the first: %q", got)
	}
	if got := serve(c, clock.Now, ask("GET /")); got != "200 miss half" {
		t.Errorf("the next: %q", got)
	}
}

func TestWhatIsTooLongIsNotKept(t *testing.T) {
	src := &source{answer: func(c *pipeline.Context, n int) error {
		return c.AnswerExactly(200, pipeline.TextType, fmt.Append(nil, "long ", n))
	}}
	c := src.app("- cache: {ttl: 1m, max_entry: 5B}\n", newClock()).Compile(t)
	for _, want := range []string{"200 miss long 1", "200 miss long 2"} {
		if got := summary(c.Serve(ask("GET /"))); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestACacheOutlivesAReload(t *testing.T) {
	shared, clock := &pipeline.Shared{}, newClock()
	src := says("")
	app := src.app("- cache: 1m\n", clock)
	app.Shared = shared
	app.Compile(t).Serve(ask("GET /"))
	if got := summary(app.Compile(t).Serve(ask("GET /"))); got != "200 hit 1" {
		t.Errorf("after the reload: %q", got)
	}
}

// A format that is found out behind the cache is not in the key.
func TestAFormatBehindTheCache(t *testing.T) {
	src := &source{answer: func(c *pipeline.Context, n int) error {
		c.Slots[pipeline.SlotFormat] = "html"
		return c.AnswerExactly(200, pipeline.TextType, fmt.Append(nil, n))
	}}
	clock := newClock()
	c := src.app("- cache: 1m\n", clock).Compile(t)
	for _, want := range []string{"200 miss 1", "200 miss 2"} {
		if got := serve(c, clock.Now, ask("GET /")); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A change that is sent in one format is one of the answers in all of them.
func TestAChangeInAnotherFormat(t *testing.T) {
	src, clock := says(""), newClock()
	app := src.app("- format\n- cache: 1m\n", clock)
	app.Defs = append(app.Defs, pipeline.Define(pipeline.Traits{Name: "format", Group: "test", Doc: "Sets the format.", Places: pipeline.HTTP},
		func(*pipeline.Settings, *struct{}) {}, func(struct{}, *pipeline.Build) pipeline.Plug {
			return func(c *pipeline.Context) (any, error) {
				c.Slots[pipeline.SlotFormat] = c.R.Header.Get("Accept")
				return nil, nil
			}
		}))
	c := app.Compile(t)
	for i, call := range [][2]string{
		{"GET /|Accept: html", "200 miss 1"}, {"GET /|Accept: json", "200 miss 2"}, {"GET /|Accept: html", "200 hit 1"},
		{"POST /|Accept: json", "200  3"}, {"GET /|Accept: html", "200 miss 4"}, {"GET /|Accept: json", "200 miss 5"},
	} {
		if got := serve(c, clock.Now, ask(call[0])); got != call[1] {
			t.Errorf("call %d, %s: %q, want %q", i+1, call[0], got, call[1])
		}
	}
}

// changeDef changes the request for what stands behind.
func changeDef() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{Name: "change", Group: "test", Doc: "Changes the request.", Places: pipeline.HTTP},
		func(*pipeline.Settings, *struct{}) {}, func(struct{}, *pipeline.Build) pipeline.Plug {
			return func(c *pipeline.Context) (any, error) {
				c.R.Header.Del("Cookie")
				c.R.Header.Del("Accept-Encoding")
				return nil, nil
			}
		})
}

// What stands behind the cache may change the request, but not who asked, nor for what.
func TestARequestThatIsChangedBehindTheCache(t *testing.T) {
	clock := newClock()
	app := says("Vary: Accept-Encoding").app("- cache: 1m\n- change\n", clock)
	app.Defs = append(app.Defs, changeDef())
	c := app.Compile(t)
	for i, call := range [][2]string{
		{"GET /|Cookie: a=b", "200 miss 1"}, {"GET /", "200 miss 2"}, {"GET /", "200 hit 2"},
		{"GET /|Accept-Encoding: br", "200 miss 3"}, {"GET /|Accept-Encoding: br", "200 hit 3"}, {"GET /|Accept-Encoding: br|Cookie: a=b", "200 miss 4"},
	} {
		if got := serve(c, clock.Now, ask(call[0])); got != call[1] {
			t.Errorf("call %d, %s: %q, want %q", i+1, call[0], got, call[1])
		}
	}
}

func BenchmarkCacheHit(b *testing.B) {
	c := says("").app("- cache: 1m\n", newClock()).Compile(b)
	ctx, w, r := pipeline.NewContext(64), httptest.NewRecorder(), ask("GET /posts?page=2")
	now := newClock().Now
	run := func() {
		ctx.Now, ctx.Place = now, pipeline.Route
		clear(w.Header())
		w.Body.Reset()
		ctx.Start(w, r)
		if err := c.Steps.Run(ctx); err != nil {
			b.Fatal(err)
		}
		if err := ctx.Finish(); err != nil {
			b.Fatal(err)
		}
		ctx.Reset()
	}
	run()
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
}
