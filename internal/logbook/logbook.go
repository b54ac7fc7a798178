// Package logbook keeps what tests and their servers log, from many goroutines.
package logbook

import (
	"log/slog"
	"strings"
	"sync"
)

// A Book keeps what is written to it. The zero value is empty.
type Book struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (b *Book) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

// String is all that was written.
func (b *Book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Logger writes lines of text, of every level.
func (b *Book) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
