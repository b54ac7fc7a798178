package config

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// Log says what is logged and how.
type Log struct {
	Format string // json, text; "": text with --dev, else json
	Level  string
	Access bool
	Sample float64 // of the requests that went well, how many are logged
	Fields []spec.Named[string]
}

func (l *Log) describe(f *spec.Fields) {
	f.Enum(&l.Format, "format", "", "How a line is written. Default: text with --dev, else json.", "json", "text")
	f.Enum(&l.Level, "level", "info", "What is less important is not logged.", "debug", "info", "warn", "error")
	f.Bool(&l.Access, "access", true, "One line for each request.")
	fraction(f, &l.Sample, "sample", "How many of the requests that went well are logged, from 0 to 1. One that failed (5xx, or broken off) always is.")
	constants(f, &l.Fields, "fields", "Texts that stand in the line of each request, such as `region: eu`.")
	f.After(func(d *spec.Decoder, _ *source.Node) {
		for _, x := range l.Fields {
			TakenInLog(d, x.At, x.Name, "method", "path", "status", "bytes", "ms", "route", "ip", "user_agent", "trace_id", "broken_off", "reason")
		}
	})
}

// TakenInLog refuses a field of a line of the log whose name each line has already, or this
// kind of line has: programs that read it would find one of the two.
func TakenInLog(d *spec.Decoder, at diag.Pos, name string, more ...string) {
	if slices.Contains([]string{"time", "level", "msg", "request_id"}, name) || slices.Contains(more, name) {
		d.Problems.Add(at, "reserved-name", "a line of the log has a %q already", name).Suggest("give the field another name, such as %s_of_mine", name)
	}
}

// Traces says where traces of requests go. They go nowhere unless URL is set.
type Traces struct {
	URL     string
	Service string
	Sample  float64
	Headers []spec.Named[spec.Secret]
}

func (t *Traces) describe(f *spec.Fields) {
	f.Main(f.Add("otlp", "URL", "Where a collector takes OTLP over HTTP: `http://127.0.0.1:4318`.", spec.OrExpression(spec.Text("^https?://")), t.readURL).Require())
	f.String(&t.Service, "service", "", "The name of the service. Default: the name of the application.")
	fraction(f, &t.Sample, "sample", "How many requests are traced, from 0 to 1.")
	f.Add("headers", "map of texts", "Headers for the collector, such as an api key. They are secret.", spec.MapOf(spec.Schema{"type": "string"}), t.readHeaders)
}

func (t *Traces) readURL(d *spec.Decoder, n *source.Node) {
	v, _, ok := d.Scalar(n, "a URL")
	if !ok {
		return
	}
	text, _ := v.(string)
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		d.Problems.Add(n.At, "wrong-value", "this is not the URL of a collector").Suggest("such as http://127.0.0.1:4318")
		return
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		d.Problems.Add(n.At, "wrong-value", "the URL of a collector has no user, query or fragment").Suggest("put credentials into `headers`")
		return
	}
	t.URL = text
}

func (t *Traces) readHeaders(d *spec.Decoder, n *source.Node) {
	t.Headers = nil
	if n.Kind != source.Map {
		d.Problems.Add(n.At, "not-a-map", "expected a map of headers to texts")
		return
	}
	for _, e := range n.Entries {
		var one spec.Secret
		spec.NewFields("`headers`").Secret(&one, e.Key.Value, "").Read(d, e.Value)
		t.Headers = append(t.Headers, spec.Named[spec.Secret]{Name: e.Key.Value, At: e.Key.At, Value: one})
	}
}

// fraction binds a part of a whole; all of it when left out.
func fraction(f *spec.Fields, p *float64, name, doc string) {
	*p = 1
	x := f.Add(name, "number from 0 to 1", doc, spec.OrExpression(spec.Schema{"type": "number", "minimum": 0, "maximum": 1}), func(d *spec.Decoder, n *source.Node) {
		const want = "a number from 0 to 1"
		v, from, ok := d.Scalar(n, want)
		if !ok {
			return
		}
		if text, is := v.(string); is && len(from) > 0 {
			v = source.Resolve(text)
		}
		part, ok := number(v)
		if !ok || !(part >= 0 && part <= 1) {
			d.Wrong(n, from, v, want).Suggest("such as 0.1 for one in ten")
			return
		}
		*p = part
	})
	x.Default = strconv.Itoa(1)
}

func number(v any) (float64, bool) {
	switch x := v.(type) {
	case int64:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

// constants binds a map of names to texts that are known at load.
func constants(f *spec.Fields, p *[]spec.Named[string], name, doc string) {
	f.Add(name, "map of texts", doc, spec.MapOf(spec.Schema{"type": spec.Types("string", "number", "boolean")}), func(d *spec.Decoder, n *source.Node) {
		*p = nil
		if n.Kind != source.Map {
			d.Problems.Add(n.At, "not-a-map", "expected a map of names to texts")
			return
		}
		for _, e := range n.Entries {
			one := spec.Named[string]{Name: e.Key.Value, At: e.Key.At}
			spec.NewFields("`"+name+"`").String(&one.Value, e.Key.Value, "", "").Read(d, e.Value)
			*p = append(*p, one)
		}
	})
}
