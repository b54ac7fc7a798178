//go:build linux

package main

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

type config struct {
	url      string
	pid      int
	conns    int
	loops    int
	dialers  int
	sources  int
	topics   int // fanout
	window   int // echo: pushes in flight per connection; fanout: per topic
	size     int // bytes of filler in a message body
	shared   bool
	room     string // topic prefix of the echo and broadcast channel
	lobby    string // topic prefix of the tracked channel
	warm     time.Duration
	duration time.Duration
	timeout  time.Duration
}

type result struct {
	Mode       string  `json:"mode"`
	Conns      int     `json:"conns"`
	Topics     int     `json:"topics,omitempty"`
	Window     int     `json:"window,omitempty"`
	Seconds    float64 `json:"seconds"`
	Count      uint64  `json:"count,omitempty"`
	PerSecond  float64 `json:"per_second,omitempty"`
	Publishes  float64 `json:"publishes_per_second,omitempty"`
	P50ms      float64 `json:"p50_ms,omitempty"`
	P99ms      float64 `json:"p99_ms,omitempty"`
	MaxMs      float64 `json:"max_ms,omitempty"`
	DoneP50ms  float64 `json:"all_delivered_p50_ms,omitempty"`
	DoneP99ms  float64 `json:"all_delivered_p99_ms,omitempty"`
	ConnectSec float64 `json:"connect_s"`
	JoinSec    float64 `json:"join_s,omitempty"`
	RSSBefore  int64   `json:"server_rss_before,omitempty"`
	RSSAfter   int64   `json:"server_rss_after,omitempty"`
	RSSPeak    int64   `json:"server_rss_peak,omitempty"`
	PerConn    int64   `json:"server_rss_per_conn,omitempty"`
	ServerCPU  float64 `json:"server_cpu_s,omitempty"`
	ClientCPU  float64 `json:"client_cpu_s"`
	OtherCPU   float64 `json:"other_cpu_s"` // used by neither: a disturbed run has much of it
	Frames     uint64  `json:"frames,omitempty"`
	Bytes      uint64  `json:"bytes,omitempty"`
	Dropped    int64   `json:"dropped"`
	Bad        int64   `json:"bad"`
	Unfinished int     `json:"unfinished,omitempty"`

	// Of stall, where the figures above are of the run with the stalled member.
	BeforeP99ms float64 `json:"before_p99_ms,omitempty"` // without it
	AfterP99ms  float64 `json:"after_p99_ms,omitempty"`  // without it again
	Stalled     string  `json:"stalled,omitempty"`       // how the server parted with it
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func filler(n int) string { return strings.Repeat("x", n) }

// span measures what both processes used between two moments.
type span struct {
	at     time.Time
	server usage
	client time.Duration
	all    time.Duration
	pid    int
}

func startSpan(pid int) (span, error) {
	u, err := procUsage(pid)
	return span{time.Now(), u, ownCPU(), machineBusy(), pid}, err
}

func (s span) end(r *result) error {
	r.Seconds = time.Since(s.at).Seconds()
	u, err := procUsage(s.pid)
	r.ServerCPU = (u.cpu - s.server.cpu).Seconds()
	r.ClientCPU = (ownCPU() - s.client).Seconds()
	r.OtherCPU = (machineBusy() - s.all).Seconds() - r.ServerCPU - r.ClientCPU
	r.RSSAfter, r.RSSPeak = u.rss, u.peak
	return err
}

// collect adds up the loops; call it after pool.close.
func collect(p *pool, r *result) {
	var lat, done hist
	for _, l := range p.loops {
		lat.merge(&l.lat)
		done.merge(&l.done)
		r.Count += l.count
		r.Frames += l.frames
		r.Bytes += l.bytes
	}
	if r.Seconds > 0 {
		r.PerSecond = float64(r.Count) / r.Seconds
	}
	r.P50ms, r.P99ms, r.MaxMs = ms(lat.quantile(.5)), ms(lat.quantile(.99)), ms(time.Duration(lat.max))
	r.DoneP50ms, r.DoneP99ms = ms(done.quantile(.5)), ms(done.quantile(.99))
	r.Dropped, r.Bad = p.dropped.Load(), p.bad.Load()
}

// setUp opens the connections; the caller closes the pool.
func setUp(ctx context.Context, cfg config, r *result, h handler) (*pool, error) {
	before, err := procUsage(cfg.pid)
	if err != nil {
		return nil, err
	}
	r.RSSBefore, r.Conns = before.rss, cfg.conns
	p, err := newPool(cfg.url, cfg.loops, h)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	err = p.open(ctx, cfg.conns, cfg.dialers, cfg.sources)
	r.ConnectSec = time.Since(start).Seconds()
	return p, err
}

func joinAll(ctx context.Context, cfg config, p *pool, r *result, topicOf func(int) string) error {
	start := time.Now()
	err := p.join(ctx, 256, topicOf, func(int) string { return "{}" })
	r.JoinSec = time.Since(start).Seconds()
	return err
}

// measure runs the load for the warm-up and then for the measured time.
func measure(ctx context.Context, cfg config, p *pool, r *result) error {
	if err := pause(ctx, cfg.warm); err != nil {
		return err
	}
	s, err := startSpan(cfg.pid)
	if err != nil {
		return err
	}
	p.measuring.Store(true)
	if err := pause(ctx, cfg.duration); err != nil {
		return err
	}
	p.measuring.Store(false)
	return s.end(r)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// idle: open, join, hold, and see what a quiet connection costs the server.

type idleMode struct{}

func (idleMode) message(*conn, envelope, int64) {}

func runIdle(ctx context.Context, cfg config) (r result, err error) {
	r.Mode = "idle"
	p, err := setUp(ctx, cfg, &r, idleMode{})
	if p != nil {
		defer func() { p.close(); collect(p, &r) }()
	}
	if err != nil {
		return r, err
	}
	topic := func(i int) string {
		if cfg.shared {
			return cfg.room + "shared"
		}
		return cfg.room + strconv.Itoa(i)
	}
	if err = joinAll(ctx, cfg, p, &r, topic); err != nil {
		return r, err
	}
	if err = measure(ctx, cfg, p, &r); err != nil {
		return r, err
	}
	if cfg.pid != 0 {
		r.PerConn = (r.RSSAfter - r.RSSBefore) / int64(cfg.conns)
	}
	return r, nil
}

// echo: every connection keeps window pushes in flight and waits for replies.

type echoMode struct {
	body string
	stop atomic.Bool
}

func (m *echoMode) next(c *conn, dst []byte) []byte {
	dst = append(c.push(dst, "echo"), `{"t":"`...)
	dst = strconv.AppendInt(dst, now(), 10)
	return append(append(append(dst, `","body":"`...), m.body...), `"}]`...)
}

func (m *echoMode) message(c *conn, e envelope, at int64) {
	if string(e.event) != "phx_reply" || string(e.ref) == "1" {
		return
	}
	l := c.loop
	var status, response []byte
	eachKey(e.payload, func(key, val []byte) {
		switch string(key) {
		case "status":
			status = unquote(val)
		case "response":
			response = val
		}
	})
	sent, ok := decimal(member(response, "t"))
	if !ok || string(status) != "ok" {
		l.pool.bad.Add(1)
		return
	}
	if l.pool.measuring.Load() {
		l.count++
		l.lat.add(at - sent)
	}
	if !m.stop.Load() {
		var space [512]byte
		l.reply(m.next(c, space[:0]))
	}
}

func runEcho(ctx context.Context, cfg config) (r result, err error) {
	r.Mode, r.Window = "echo", cfg.window
	m := &echoMode{body: filler(cfg.size)}
	p, err := setUp(ctx, cfg, &r, m)
	if p != nil {
		defer func() { p.close(); collect(p, &r) }()
	}
	if err != nil {
		return r, err
	}
	if err = joinAll(ctx, cfg, p, &r, func(i int) string { return cfg.room + strconv.Itoa(i) }); err != nil {
		return r, err
	}
	for range cfg.window {
		for _, c := range p.conns {
			c.send(m.next(c, nil))
		}
	}
	err = measure(ctx, cfg, p, &r)
	m.stop.Store(true)
	return r, err
}
