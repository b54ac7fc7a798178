package bustest

import (
	"bytes"
	"context"
	"encoding/binary"
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

// Contract runs what every bus keeps. open gives two nodes of one net; the suite closes them.
func Contract(t *testing.T, open func(t *testing.T) (a, b bus.Bus)) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, a, b bus.Bus)
	}{
		{"nodes have names", named},
		{"messages of a sender come in order, one at a time", inOrder},
		{"the sender's data is its own again", dataIsCopied},
		{"no echo", noEcho},
		{"a subscription ends", subscriptionEnds},
		{"each subscription of a subject gets the message", severalOfOne},
		{"confirmed is delivered", confirmed},
		{"many confirm at once", confirmStorm},
		{"many subjects", manySubjects},
		{"texts that are no subjects", badSubjects},
		{"large messages", large},
		{"a handler panics", panics},
		{"questions are answered", answered},
		{"one of the others answers", answeredByAnother},
		{"nobody answers", nobody},
		{"a slow answer holds back nothing", slowAnswer},
		{"large questions and answers", largeAnswers},
		{"what was published leaves before the end", closeFlushes},
		{"after the end", closed},
		{"the end ends all", closeEnds},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := open(t)
			defer b.Close()
			defer a.Close()
			c.run(t, a, b)
		})
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	t.Cleanup(cancel)
	return ctx
}

func confirm(t *testing.T, b bus.Bus) {
	t.Helper()
	if err := b.Confirm(within(t)); err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, b bus.Bus, subject, data string) {
	t.Helper()
	if err := b.Publish(subject, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func subscribe(t *testing.T, b bus.Bus, subject string, handle func(data []byte)) bus.Subscription {
	t.Helper()
	s, err := b.Subscribe(subject, handle)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// listen subscribes and gives what comes.
func listen(t *testing.T, b bus.Bus, subject string) <-chan string {
	t.Helper()
	got := make(chan string, 100)
	subscribe(t, b, subject, func(data []byte) { got <- string(data) })
	confirm(t, b)
	return got
}

func want(t *testing.T, got <-chan string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if g := await.From(t, "a message", got); g != text {
			t.Fatalf("%q came, want %q", g, text)
		}
	}
}

func answer(t *testing.T, b bus.Bus, subject string, handle func(ctx context.Context, data []byte) []byte) bus.Subscription {
	t.Helper()
	s, err := b.Answer(subject, handle)
	if err != nil {
		t.Fatal(err)
	}
	confirm(t, b)
	return s
}

func named(t *testing.T, a, b bus.Bus) {
	if a.Node() == b.Node() || !bus.IsSubject(a.Node()) || bytes.Contains([]byte(a.Node()), []byte(".")) {
		t.Errorf("the nodes are called %q and %q", a.Node(), b.Node())
	}
	if !a.Up() || !b.Up() {
		t.Error("the nodes are not up")
	}
}

func inOrder(t *testing.T, a, b bus.Bus) {
	const count = 6000
	subjects := []string{"one", "two", "three.more"}
	var running atomic.Int32
	next, done := 0, make(chan string, 1)
	for _, subject := range subjects {
		subscribe(t, b, subject, func(data []byte) {
			if running.Add(1) > 1 {
				t.Error("two messages were handled at the same time")
			}
			defer running.Add(-1)
			if n := int(binary.BigEndian.Uint32(data)); n != next {
				t.Errorf("message %d came, want %d", n, next)
			}
			if next++; next == count {
				done <- "all"
			}
		})
	}
	confirm(t, b)
	var data [4]byte
	for i := range count {
		binary.BigEndian.PutUint32(data[:], uint32(i))
		if err := a.Publish(subjects[i%len(subjects)], data[:]); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 999 { // what is not waited for may be more than a node holds
			confirm(t, a)
		}
	}
	want(t, done, "all")
}

func dataIsCopied(t *testing.T, a, b bus.Bus) {
	got := listen(t, b, "x")
	data := []byte("first")
	if err := a.Publish("x", data); err != nil {
		t.Fatal(err)
	}
	copy(data, "other")
	want(t, got, "first")
}

func noEcho(t *testing.T, a, b bus.Bus) {
	own, other := listen(t, a, "x"), listen(t, b, "x")
	publish(t, a, "x", "of a")
	want(t, other, "of a")
	publish(t, b, "x", "of b")
	want(t, own, "of b") // and not its own before
}

func subscriptionEnds(t *testing.T, a, b bus.Bus) {
	var handled atomic.Int32
	s := subscribe(t, b, "x", func([]byte) { handled.Add(1) })
	other := listen(t, b, "y")
	publish(t, a, "x", "1")
	publish(t, a, "y", "1")
	want(t, other, "1")
	s.Close()
	s.Close()
	confirm(t, b)
	publish(t, a, "x", "2")
	publish(t, a, "y", "2")
	want(t, other, "2")
	if n := handled.Load(); n != 1 {
		t.Errorf("%d messages were handled, want 1", n)
	}
	again := listen(t, b, "x")
	publish(t, a, "x", "3")
	want(t, again, "3")
}

func severalOfOne(t *testing.T, a, b bus.Bus) {
	first, second := listen(t, b, "x"), listen(t, b, "x")
	publish(t, a, "x", "1")
	want(t, first, "1")
	want(t, second, "1")
}

func confirmed(t *testing.T, a, b bus.Bus) {
	for i := range 300 {
		got := listen(t, b, fmt.Sprint("x.", i))
		publish(t, a, fmt.Sprint("x.", i), "1")
		want(t, got, "1")
	}
}

func confirmStorm(t *testing.T, a, b bus.Bus) {
	const count = 2000
	var got, all sync.WaitGroup
	got.Add(count)
	for i := range count {
		all.Go(func() {
			subject := fmt.Sprint("storm.", i)
			if _, err := b.Subscribe(subject, func([]byte) { got.Done() }); err != nil {
				t.Error(err)
			}
			if err := b.Confirm(within(t)); err != nil {
				t.Error(err)
			}
			if err := a.Publish(subject, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	arrived := make(chan bool)
	go func() { got.Wait(); close(arrived) }()
	await.From(t, "all messages", arrived)
}

func manySubjects(t *testing.T, a, b bus.Bus) {
	const count = 10_000
	before := runtime.NumGoroutine()
	got := make(chan int, count)
	subscriptions := make([]bus.Subscription, count)
	for i := range count {
		subscriptions[i] = subscribe(t, b, fmt.Sprintf("topic.%d", i), func([]byte) { got <- i })
	}
	confirm(t, b)
	if more := runtime.NumGoroutine() - before; more > 50 {
		t.Errorf("%d goroutines for %d subscriptions", more, count)
	}
	for _, i := range []int{0, 4999, count - 1} {
		publish(t, a, fmt.Sprintf("topic.%d", i), "")
		if g := await.From(t, "a message", got); g != i {
			t.Errorf("a message of subject %d came, want %d", g, i)
		}
	}
	for _, s := range subscriptions {
		s.Close()
	}
	confirm(t, b)
	after := listen(t, b, "after")
	publish(t, a, "topic.1", "")
	publish(t, a, "after", "")
	await.From(t, "the message after the others", after)
	if len(got) > 0 {
		t.Error("a message came though its subscription has ended")
	}
}

func badSubjects(t *testing.T, a, _ bus.Bus) {
	for _, subject := range []string{"", "a b", "a.*", "a.>", "a\r\nPUB x 0", "a."} {
		_, subscribed := a.Subscribe(subject, func([]byte) {})
		_, answers := a.Answer(subject, func(context.Context, []byte) []byte { return nil })
		_, asked := a.Ask(within(t), subject, nil)
		for _, err := range []error{a.Publish(subject, nil), subscribed, answers, asked} {
			if !errors.Is(err, bus.ErrSubject) {
				t.Errorf("%q: %v", subject, err)
			}
		}
	}
}

func large(t *testing.T, a, b bus.Bus) {
	got := make(chan []byte, 2)
	subscribe(t, b, "x", func(data []byte) { got <- data })
	confirm(t, b)
	data := bytes.Repeat([]byte{0, '\r', '\n', 0xff}, (a.MaxBytes()+3)/4)[:a.MaxBytes()]
	if err := a.Publish("x", append(slices.Clone(data), 0)); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("a message of MaxBytes and one: %v", err)
	}
	if err := a.Publish("x", data); err != nil {
		t.Fatal(err)
	}
	if g := await.From(t, "a message", got); !bytes.Equal(g, data) {
		t.Errorf("%d bytes came, want %d, and the same", len(g), len(data))
	}
	if err := a.Publish("x", nil); err != nil {
		t.Fatal(err)
	}
	if g := await.From(t, "a message", got); len(g) != 0 {
		t.Errorf("%d bytes came, want none", len(g))
	}
}

func panics(t *testing.T, a, b bus.Bus) {
	subscribe(t, b, "bad", func([]byte) { panic("of this test") })
	bad := answer(t, b, "ask", func(context.Context, []byte) []byte { panic("of this test") })
	got := listen(t, b, "good")
	publish(t, a, "bad", "")
	publish(t, a, "good", "1")
	want(t, got, "1")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := a.Ask(ctx, "ask", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a question whose handler panics: %v", err)
	}
	bad.Close()
	answer(t, b, "ask", func(context.Context, []byte) []byte { return []byte("fine") })
	if data, err := a.Ask(within(t), "ask", nil); err != nil || string(data) != "fine" {
		t.Errorf("after a panic: %q, %v", data, err)
	}
}
