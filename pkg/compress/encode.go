// Package compress encodes answers on their way out: gzip, br and zstd.
package compress

import (
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A Level says how much work is spent.
type Level int

// The levels: what suits answers that are made for one request is the middle one.
const (
	Fast Level = iota
	Default
	Best
)

// Codings lists what can be encoded, the one preferred among equals first: zstd costs
// least for what it saves, br saves most.
func Codings() []string { return []string{"zstd", "br", "gzip"} }

// encoder is what the three have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// pool keeps encoders of one coding and level: each holds buffers of hundreds of KB.
type pool struct {
	coding  string
	header  []string
	encoder sync.Pool
	level   Level
}

// window bounds the memory of an encoder, and of the client's decoder.
const window = 512 << 10

func (p *pool) get(to io.Writer) (encoder, error) {
	if e, ok := p.encoder.Get().(encoder); ok {
		e.Reset(to)
		return e, nil
	}
	switch p.coding {
	case "gzip":
		return gzip.NewWriterLevel(to, [...]int{gzip.BestSpeed, 5, gzip.BestCompression}[p.level])
	case "br":
		return brotli.NewWriterOptions(to, brotli.WriterOptions{Quality: [...]int{2, 4, 9}[p.level], LGWin: 19}), nil
	case "zstd":
		level := [...]zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression}[p.level]
		return zstd.NewWriter(to, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
	}
	return nil, fmt.Errorf("compress: there is no coding %q", p.coding)
}

// put gives an encoder back. It must not hold on to the answer that it wrote to.
func (p *pool) put(e encoder) {
	e.Reset(io.Discard)
	p.encoder.Put(e)
}
