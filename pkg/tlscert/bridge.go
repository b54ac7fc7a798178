package tlscert

import (
	"context"
	"log/slog"

	"go.uber.org/zap/zapcore"
)

// bridge writes what certmagic logs into our log. Its steps are of use to who looks for a
// fault alone: what an operator waits for is told by events.
type bridge struct{ log *slog.Logger }

func level(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled implements zapcore.Core.
func (b bridge) Enabled(l zapcore.Level) bool { return b.log.Enabled(context.Background(), level(l)) }

// With implements zapcore.Core.
func (b bridge) With(fields []zapcore.Field) zapcore.Core {
	return bridge{b.log.With(attrs(fields)...)}
}

// Check implements zapcore.Core.
func (b bridge) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) {
		return to.AddCore(e, b)
	}
	return to
}

// Write implements zapcore.Core.
func (b bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	b.log.Log(context.Background(), level(e.Level), "certificates: "+e.Message, attrs(fields)...)
	return nil
}

// Sync implements zapcore.Core.
func (bridge) Sync() error { return nil }

func attrs(fields []zapcore.Field) []any {
	values := zapcore.NewMapObjectEncoder()
	var list []any
	for _, f := range fields {
		f.AddTo(values)
		list = append(list, slog.Any(f.Key, values.Fields[f.Key]))
	}
	return list
}
