package values

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type logLine struct {
	message *pipeline.Text
	level   string
	fields  []spec.Named[*pipeline.Value]
}

// Log writes a line to the log.
func Log() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "log", Group: group, Places: pipeline.Anywhere,
		Doc: "Writes a line to the log. Fields that a schema hides stay out of it; of a text longer than 8 KiB the beginning is written.",
	}, func(s *pipeline.Settings, o *logLine) {
		s.Main(s.Text(&o.message, "message", "What happened.").Require())
		s.Enum(&o.level, "level", "info", "How important it is; `endpoint.log.level` says from where on lines are written.", "debug", "info", "warn", "error")
		s.Values(&o.fields, "fields", "Names and values that stand beside the message.")
		s.After(func(d *spec.Decoder, _ *source.Node) {
			for _, f := range o.fields {
				config.TakenInLog(d, f.At, f.Name, "at")
			}
		})
	}, buildLog)
}

func buildLog(o logLine, b *pipeline.Build) pipeline.Plug {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		b.Problem(b.At, "wrong-value", "%v", err)
		return nil
	}
	at := slog.String("at", b.At.String())
	return func(c *pipeline.Context) (any, error) {
		ctx := context.Background() // the line is written whether or not the client waits
		if !c.Log.Enabled(ctx, level) {
			return nil, nil
		}
		message, err := o.message.String(c)
		if err != nil {
			return nil, err
		}
		attrs := make([]slog.Attr, 0, len(o.fields)+1)
		for _, f := range o.fields {
			a, err := attr(c, f.Name, f.Value)
			if err != nil {
				return nil, err
			}
			attrs = append(attrs, a)
		}
		c.Log.LogAttrs(ctx, level, cut(message), append(attrs, at)...) // the request's id stands in every line of c.Log
		return nil, nil
	}
}

// maxText bounds what a stranger puts into the log by one value, in bytes.
const maxText = 8 << 10

// cut shortens a text that is too long, between two characters.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > maxText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// attr computes one field. A map or list is JSON, without what is hidden.
func attr(c *pipeline.Context, name string, v *pipeline.Value) (slog.Attr, error) {
	b, err := v.Append(c.Scratch(), c.Frame)
	defer c.Lend(b)
	if err != nil {
		return slog.Attr{}, err
	}
	switch {
	case len(b) > 0 && b[0] == '"':
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return slog.Attr{}, err
		}
		return slog.String(name, cut(text)), nil
	case len(b) > 0 && (b[0] == '{' || b[0] == '['):
		if len(b) > maxText {
			return slog.String(name, cut(string(b))), nil // no JSON any more
		}
		return slog.Any(name, json.RawMessage(bytes.Clone(b))), nil
	case string(b) == "null":
		return slog.Any(name, nil), nil
	case string(b) == "true", string(b) == "false":
		return slog.Bool(name, b[0] == 't'), nil
	}
	return slog.Any(name, json.Number(b)), nil
}
