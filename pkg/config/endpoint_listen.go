package config

import (
	"net"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// An Address is where the application listens.
type Address struct {
	Text  string // as written: :4000, 127.0.0.1:4000, unix:run/gateway.sock
	Plain bool   // without TLS, although the endpoint has it; a unix socket always is
	At    diag.Pos
}

// Unix gives the path of a unix socket, as written.
func (a Address) Unix() (path string, ok bool) { return strings.CutPrefix(a.Text, unixScheme) }

// Port is the TCP port; 0 for a unix socket.
func (a Address) Port() int {
	_, port, _ := net.SplitHostPort(a.Text)
	n, _ := strconv.Atoi(port) // it was read before
	return n
}

const (
	unixScheme    = "unix:"
	defaultListen = ":4000"
)

func (e *Endpoint) describeListen(f *spec.Fields) {
	e.Listen = []Address{{Text: defaultListen}}
	text := spec.OrExpression(spec.Text(`^[^/\s]*:[0-9]+$|^unix:.`))
	inner := spec.NewFields("an address")
	describeAddress(inner, &Address{})
	x := f.Add("listen", "address or list of addresses", "Where to listen: `:4000`, `127.0.0.1:4000` or `unix:run/gateway.sock`, relative to the manifest. `{address: \":80\", tls: false}` is one without TLS.",
		spec.OneOrMore(spec.Schema{"anyOf": []any{text, inner.Schema()}}), e.readListen)
	x.Default = defaultListen
}

func describeAddress(f *spec.Fields, a *Address) {
	f.Add("address", "address", "Such as `:4000` or `unix:run/gateway.sock`.", spec.OrExpression(spec.Text(`^[^/\s]*:[0-9]+$|^unix:.`)), func(d *spec.Decoder, n *source.Node) { *a = readAddress(d, n) }).Require()
	var tls bool
	f.Bool(&tls, "tls", true, "Whether it has the endpoint's `tls`.")
	f.After(func(d *spec.Decoder, n *source.Node) {
		if _, unix := a.Unix(); unix && tls && f.Given("tls") {
			d.Problems.Add(n.At, "wrong-value", "a unix socket has no TLS").Suggest("leave `tls` out")
		}
		a.Plain = a.Plain || !tls
	})
}

func (e *Endpoint) readListen(d *spec.Decoder, n *source.Node) {
	e.Listen = nil
	seen := map[string]diag.Pos{}
	for _, item := range spec.Items(n) {
		var a Address
		if item.Kind == source.Map {
			f := spec.NewFields("an address")
			describeAddress(f, &a)
			f.Decode(d, item, item.At)
		} else {
			a = readAddress(d, item)
		}
		if a.Text == "" {
			continue
		}
		if first, twice := seen[a.Text]; twice && a.Port() != 0 {
			d.Problems.Add(a.At, "address-twice", "%s is listened on twice", a.Text).Relate(first, "the first time")
			continue
		}
		seen[a.Text] = a.At
		e.Listen = append(e.Listen, a)
	}
	if n.Kind == source.List && len(n.Items) == 0 {
		d.Problems.Add(n.At, "wrong-value", "`listen` is empty").Suggest("name an address, such as %s, or leave `listen` out", defaultListen)
	}
}

// readAddress reads one; its text is empty where it is none.
func readAddress(d *spec.Decoder, n *source.Node) Address {
	v, from, ok := d.Scalar(n, "an address")
	if !ok {
		return Address{}
	}
	if number, is := v.(int64); is && len(from) == 0 {
		d.Wrong(n, from, v, "an address").Suggest("write \":%d\"", number)
		return Address{}
	}
	text, _ := v.(string)
	if path, unix := strings.CutPrefix(text, unixScheme); unix && path != "" {
		return Address{Text: text, Plain: true, At: n.At}
	}
	host, port, err := net.SplitHostPort(text)
	number, numeric := strconv.ParseUint(port, 10, 16)
	if err != nil || numeric != nil || strings.ContainsAny(host, "/@ \t") || strconv.FormatUint(number, 10) != port {
		d.Wrong(n, from, v, "an address").Suggest("write :4000, 127.0.0.1:4000, or unix: and a path")
		return Address{}
	}
	return Address{Text: text, At: n.At}
}
