package observe

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Logs is where a process logs to. How it does may change while it runs: the manifest says.
type Logs struct {
	level slog.LevelVar
	text  atomic.Bool
	out   locked
}

// NewLogs logs to w.
func NewLogs(w io.Writer, text bool) *Logs {
	l := &Logs{}
	l.out.w = w
	l.text.Store(text)
	return l
}

// Configure changes how lines are written and which are.
func (l *Logs) Configure(text bool, level slog.Level) {
	l.text.Store(text)
	l.level.Set(level)
}

// Logger gives the logger.
func (l *Logs) Logger() *slog.Logger {
	o := &slog.HandlerOptions{Level: &l.level}
	return slog.New(handler{logs: l, text: slog.NewTextHandler(&l.out, o), json: slog.NewJSONHandler(&l.out, o)})
}

// locked keeps lines whole: two handlers write to it.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// A handler writes in the form that is set when a line comes.
type handler struct {
	logs       *Logs
	text, json slog.Handler
}

// Enabled implements slog.Handler.
func (h handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.logs.level.Level()
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if h.logs.text.Load() {
		return h.text.Handle(ctx, r)
	}
	return h.json.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.logs, h.text.WithAttrs(attrs), h.json.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.logs, h.text.WithGroup(name), h.json.WithGroup(name)}
}
