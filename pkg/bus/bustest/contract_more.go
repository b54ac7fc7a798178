package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/bus"
)

func answered(t *testing.T, a, b bus.Bus) {
	answer(t, b, "echo", func(_ context.Context, data []byte) []byte { return append([]byte("echo "), data...) })
	answer(t, b, "nothing", func(context.Context, []byte) []byte { return nil })
	var all sync.WaitGroup
	for i := range 500 {
		all.Go(func() {
			got, err := a.Ask(within(t), "echo", fmt.Append(nil, i))
			if want := fmt.Sprint("echo ", i); err != nil || string(got) != want {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
		})
	}
	all.Wait()
	if got, err := a.Ask(within(t), "nothing", nil); err != nil || len(got) != 0 {
		t.Errorf("an empty answer is %q, %v", got, err)
	}
}

func answeredByAnother(t *testing.T, a, b bus.Bus) {
	var answers atomic.Int32
	for _, x := range []bus.Bus{a, b, b} {
		answer(t, x, "who", func(context.Context, []byte) []byte { answers.Add(1); return []byte(x.Node()) })
	}
	confirm(t, a)
	for range 20 {
		if got, err := a.Ask(within(t), "who", nil); err != nil || string(got) != b.Node() {
			t.Fatalf("%q, %v; the other is %q", got, err, b.Node())
		}
	}
	last := answer(t, b, "last", func(context.Context, []byte) []byte { return nil })
	if _, err := a.Ask(within(t), "last", nil); err != nil { // all questions have come by now
		t.Error(err)
	}
	last.Close()
	if n := answers.Load(); n != 20 {
		t.Errorf("20 questions were answered %d times", n)
	}
}

func nobody(t *testing.T, a, b bus.Bus) {
	if _, err := a.Ask(within(t), "who", nil); !errors.Is(err, bus.ErrNobody) {
		t.Errorf("where nobody answers: %v", err)
	}
	answer(t, a, "who", func(context.Context, []byte) []byte { return nil })
	if _, err := a.Ask(within(t), "who", nil); !errors.Is(err, bus.ErrNobody) {
		t.Errorf("where only who asks answers: %v", err)
	}
	s := answer(t, b, "who", func(context.Context, []byte) []byte { return nil })
	if _, err := a.Ask(within(t), "who", nil); err != nil {
		t.Error(err)
	}
	s.Close()
	confirm(t, b)
	if _, err := a.Ask(within(t), "who", nil); !errors.Is(err, bus.ErrNobody) {
		t.Errorf("where nobody answers any more: %v", err)
	}
}

func slowAnswer(t *testing.T, a, b bus.Bus) {
	begun, release := make(chan string, 1), make(chan bool)
	answer(t, b, "slow", func(context.Context, []byte) []byte { begun <- "slow"; <-release; return []byte("late") })
	answer(t, b, "quick", func(context.Context, []byte) []byte { return []byte("quick") })
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { _, err := a.Ask(ctx, "slow", nil); failed <- err }()
	want(t, begun, "slow")
	if got, err := a.Ask(within(t), "quick", nil); err != nil || string(got) != "quick" {
		t.Errorf("beside a slow question: %q, %v", got, err)
	}
	got := listen(t, b, "x")
	publish(t, a, "x", "1")
	want(t, got, "1")
	cancel()
	if err := await.From(t, "the end of the question", failed); !errors.Is(err, context.Canceled) {
		t.Errorf("a question that is given up: %v", err)
	}
	close(release)
	if got, err := a.Ask(within(t), "quick", nil); err != nil || string(got) != "quick" {
		t.Errorf("after a late answer: %q, %v", got, err)
	}
}

func largeAnswers(t *testing.T, a, b bus.Bus) {
	answer(t, b, "echo", func(_ context.Context, data []byte) []byte { return data })
	answer(t, b, "more", func(_ context.Context, data []byte) []byte { return append(data, 0) })
	data := bytes.Repeat([]byte("x"), a.MaxBytes())
	if got, err := a.Ask(within(t), "echo", data); err != nil || !bytes.Equal(got, data) {
		t.Errorf("a question and answer of MaxBytes: %d bytes, %v", len(got), err)
	}
	if _, err := a.Ask(within(t), "more", data); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("an answer of MaxBytes and one: %v", err)
	}
	if _, err := a.Ask(within(t), "echo", append(slices.Clone(data), 0)); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("a question of MaxBytes and one: %v", err)
	}
}

func closeFlushes(t *testing.T, a, b bus.Bus) {
	const count = 2000
	got := make(chan string, count)
	subscribe(t, b, "x", func(data []byte) { got <- string(data) })
	confirm(t, b)
	for i := range count {
		publish(t, a, "x", fmt.Sprint(i))
	}
	a.Close()
	for i := range count {
		want(t, got, fmt.Sprint(i))
	}
}

func closed(t *testing.T, a, b bus.Bus) {
	got := listen(t, a, "x")
	begun := make(chan string, 1)
	answer(t, b, "never", func(ctx context.Context, _ []byte) []byte { begun <- "asked"; <-ctx.Done(); return nil })
	failed := make(chan error, 1)
	go func() { _, err := a.Ask(within(t), "never", nil); failed <- err }()
	want(t, begun, "asked")
	a.Close()
	a.Close()
	if err := await.From(t, "the end of the question", failed); !errors.Is(err, bus.ErrDown) {
		t.Errorf("a question under way: %v", err)
	}
	_, subscribed := a.Subscribe("x", func([]byte) {})
	_, answers := a.Answer("x", func(context.Context, []byte) []byte { return nil })
	_, asked := a.Ask(within(t), "x", nil)
	for _, err := range []error{a.Publish("x", nil), a.Confirm(within(t)), subscribed, answers, asked} {
		if !errors.Is(err, bus.ErrDown) {
			t.Errorf("after Close: %v", err)
		}
	}
	if a.Up() {
		t.Error("a bus that is closed is up")
	}
	publish(t, b, "x", "1")
	confirm(t, b)
	if len(got) > 0 {
		t.Error("a message came after Close")
	}
}

func closeEnds(t *testing.T, a, b bus.Bus) {
	begun, ended := make(chan string, 1), make(chan string, 1)
	answer(t, b, "never", func(ctx context.Context, _ []byte) []byte {
		begun <- "begun"
		<-ctx.Done()
		ended <- "ended"
		return nil
	})
	for i := range 100 {
		subscribe(t, b, fmt.Sprint("x.", i), func([]byte) {})
		subscribe(t, a, fmt.Sprint("x.", i), func([]byte) {})
	}
	confirm(t, a)
	confirm(t, b)
	go func() { _, _ = a.Ask(within(t), "never", nil) }()
	want(t, begun, "begun")
	start := time.Now()
	b.Close()
	a.Close()
	if took := time.Since(start); took > await.Patience/2 { // the question has all of it
		t.Errorf("Close took %v", took)
	}
	want(t, ended, "ended")
	await.Until(t, "all goroutines have ended", func() bool { return ours() == 0 })
}

// ours counts the goroutines of buses, of this and of tests before.
func ours() int {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	count := 0
	for one := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		for _, of := range []string{"created by github.com/nats-io/nats.go", "created by github.com/openmanifest/gateway/pkg/bus/nats.", "created by github.com/openmanifest/gateway/pkg/bus/bustest.(*Net)"} {
			if bytes.Contains(one, []byte(of)) {
				count++
			}
		}
	}
	return count
}

// Outages runs what every bus keeps when a and b lose the connection and get it back, which
// cut and mend do.
func Outages(t *testing.T, open func(t *testing.T) (a, b bus.Bus, cut, mend func())) {
	a, b, cut, mend := open(t)
	defer b.Close()
	defer a.Close()
	got := listen(t, b, "x")
	begun := make(chan string, 1)
	answer(t, b, "never", func(ctx context.Context, _ []byte) []byte { begun <- "asked"; <-ctx.Done(); return nil })
	told := make(chan bool, 10)
	stop := a.Watch(func(up bool) { told <- up })
	failed := make(chan error, 1)
	go func() { _, err := a.Ask(within(t), "never", nil); failed <- err }()
	want(t, begun, "asked")

	start := time.Now()
	cut()
	if up := await.From(t, "word of the connection", told); up {
		t.Error("told of a connection when it was lost")
	}
	if took := time.Since(start); took > await.Patience/2 {
		t.Errorf("the loss was noticed after %v", took)
	}
	if err := await.From(t, "the end of the question", failed); !errors.Is(err, bus.ErrDown) {
		t.Errorf("a question under way: %v", err)
	}
	isDown(t, a)
	later := make(chan string, 10)
	subscribe(t, b, "made.in.outage", func(data []byte) { later <- string(data) })
	_, err := b.Answer("answered.later", func(context.Context, []byte) []byte { return []byte("yes") })
	if err != nil {
		t.Error(err)
	}

	mend()
	if up := await.From(t, "word of the connection", told); !up || !a.Up() {
		t.Error("told of a loss when the connection was back")
	}
	await.Until(t, "b is up", b.Up)
	confirm(t, b)
	publish(t, a, "x", "after")
	want(t, got, "after") // and nothing of before
	publish(t, a, "made.in.outage", "1")
	want(t, later, "1")
	if data, err := a.Ask(within(t), "answered.later", nil); err != nil || string(data) != "yes" {
		t.Errorf("a question after the outage: %q, %v", data, err)
	}

	stop()
	cut()
	await.Until(t, "a is down", func() bool { return !a.Up() })
	mend()
	await.Until(t, "a is up", a.Up)
	if len(told) > 0 {
		t.Error("told after stop")
	}
}

// isDown looks at what a bus without a connection says, and that it says so at once.
func isDown(t *testing.T, a bus.Bus) {
	t.Helper()
	start := time.Now()
	_, asked := a.Ask(within(t), "x", nil)
	for _, err := range []error{a.Publish("x", []byte("lost")), a.Confirm(within(t)), asked} {
		if !errors.Is(err, bus.ErrDown) {
			t.Errorf("without a connection: %v", err)
		}
	}
	for i := range 1000 {
		subscribe(t, a, fmt.Sprint("down.", i), func([]byte) {}).Close()
	}
	if took := time.Since(start); took > 4*time.Second { // a write that hangs takes 5
		t.Errorf("a bus that is down made its callers wait for %v", took)
	}
	if a.Up() {
		t.Error("a bus without a connection is up")
	}
}
