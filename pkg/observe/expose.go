package observe

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// ContentType is that of the text format of Prometheus.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Metrics appends everything that is counted, in the text format of Prometheus.
func (a *App) Metrics(b []byte) []byte {
	if a == nil || a.process == nil {
		return b
	}
	return a.process.Metrics(b)
}

// Metrics appends everything that is counted, in the text format of Prometheus.
func (p *Process) Metrics(b []byte) []byte {
	p.mu.Lock()
	labels := slices.Sorted(maps.Keys(p.routes))
	list := make([]*route, 0, len(labels))
	for _, l := range labels {
		list = append(list, p.routes[l])
	}
	reloads, pools := p.reloads, p.pools
	upstreams := make([]*Upstream, 0, len(p.upstreams))
	for _, name := range slices.Sorted(maps.Keys(p.upstreams)) {
		upstreams = append(upstreams, p.upstreams[name])
	}
	p.mu.Unlock()
	x := &exposition{b: b}
	x.requests(list)
	if len(upstreams) > 0 {
		x.upstreamsOf(upstreams)
	}
	if len(pools) > 0 {
		x.stores(pools)
	}
	x.gauge("gateway_http_requests_in_flight", "Requests that are being answered.", float64(p.inFlight.Load()))
	x.reloads(&reloads)
	if p.Sockets != nil {
		x.sockets(p.Sockets())
	}
	x.family("gateway_build_info", "gauge", "The version that runs; always 1.")
	x.sample("gateway_build_info", 1, "version", p.Version, "goversion", goVersion())
	x.process(p.started)
	x.runtime()
	return x.b
}

// An exposition is the text while it is made.
type exposition struct{ b []byte }

func (x *exposition) family(name, kind, help string) {
	x.b = append(x.b, "# HELP "...)
	x.b = append(x.b, name...)
	x.b = append(x.b, ' ')
	x.b = append(x.b, help...)
	x.b = append(x.b, "\n# TYPE "...)
	x.b = append(x.b, name...)
	x.b = append(x.b, ' ')
	x.b = append(x.b, kind...)
	x.b = append(x.b, '\n')
}

func (x *exposition) gauge(name, help string, v float64) {
	x.family(name, "gauge", help)
	x.sample(name, v)
}

func (x *exposition) counter(name, help string, v float64) {
	x.family(name, "counter", help)
	x.sample(name, v)
}

// sample writes one line; labels are names and values in turn.
func (x *exposition) sample(name string, v float64, labels ...string) {
	x.b = append(x.b, name...)
	for i := 0; i < len(labels); i += 2 {
		x.b = append(x.b, "{,"[min(i, 1)])
		x.b = append(x.b, labels[i]...)
		x.b = append(x.b, `="`...)
		x.b = appendLabel(x.b, labels[i+1])
		x.b = append(x.b, '"')
	}
	if len(labels) > 0 {
		x.b = append(x.b, '}')
	}
	x.b = append(x.b, ' ')
	x.b = strconv.AppendFloat(x.b, v, 'g', -1, 64)
	x.b = append(x.b, '\n')
}

// appendLabel escapes the value of a label.
func appendLabel(b []byte, value string) []byte {
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, c)
		}
	}
	return b
}

// each calls f for what was counted.
func each(list []*route, f func(label, method string, s *series)) {
	for _, r := range list {
		for i := range r.methods {
			if s := r.methods[i].Load(); s != nil {
				f(r.label, methods[i], s)
			}
		}
	}
}

func (x *exposition) requests(list []*route) {
	x.family("gateway_http_requests_total", "counter", "Requests that were answered.")
	each(list, func(label, method string, s *series) {
		for i, code := range codes {
			if n := s.codes[i].Load(); n > 0 {
				x.sample("gateway_http_requests_total", float64(n), "method", method, "route", label, "status", code)
			}
		}
	})
	const duration = "gateway_http_request_duration_seconds"
	x.family(duration, "histogram", "From the request's header to the end of the answer.")
	each(list, func(label, method string, s *series) {
		x.durations(duration, &s.took, "method", method, "route", label)
	})
	x.family("gateway_http_response_bytes_total", "counter", "Bytes of the bodies that were sent.")
	each(list, func(label, method string, s *series) {
		x.sample("gateway_http_response_bytes_total", float64(s.bytes.Load()), "method", method, "route", label)
	})
}

// durations writes the lines of a histogram.
func (x *exposition) durations(name string, d *durations, labels ...string) {
	var sum uint64
	for i := range d.buckets {
		sum += d.buckets[i].Load()
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i].Seconds(), 'g', -1, 64)
		}
		x.sample(name+"_bucket", float64(sum), append(labels[:len(labels):len(labels)], "le", le)...)
	}
	x.sample(name+"_sum", time.Duration(d.nanos.Load()).Seconds(), labels...)
	x.sample(name+"_count", float64(sum), labels...)
}

func (x *exposition) reloads(r *reloads) {
	good := 0.0
	if r.lastGood {
		good = 1
	}
	x.gauge("gateway_config_generation", "How many manifests were served so far.", float64(r.generation))
	x.gauge("gateway_config_last_reload_successful", "Whether the last manifest that was read is the one served.", good)
	x.gauge("gateway_config_last_reload_success_timestamp_seconds", "When the manifest that is served was taken.", seconds(r.at))
	x.family("gateway_config_reloads_total", "counter", "Reloads, by what became of them.")
	x.sample("gateway_config_reloads_total", float64(r.good), "result", "applied")
	x.sample("gateway_config_reloads_total", float64(r.bad), "result", "refused")
}

func (x *exposition) sockets(s Sockets) {
	x.family("gateway_sockets_connected", "gauge", "Connections of clients to sockets.")
	x.sample("gateway_sockets_connected", float64(s.Websockets), "transport", "websocket")
	x.sample("gateway_sockets_connected", float64(s.Longpolls), "transport", "longpoll")
	x.family("gateway_sockets_closed_total", "counter", "Connections that were closed for what their client did, by what that was.")
	x.sample("gateway_sockets_closed_total", float64(s.Slow), "reason", "slow")
	x.sample("gateway_sockets_closed_total", float64(s.Flooded), "reason", "flooded")
	x.sample("gateway_sockets_closed_total", float64(s.Malformed), "reason", "malformed")
	x.sample("gateway_sockets_closed_total", float64(s.RateLimited), "reason", "rate_limited")
	x.counter("gateway_sockets_messages_received_total", "Messages of clients.", float64(s.Received))
	x.counter("gateway_sockets_messages_sent_total", "Messages that were written to clients.", float64(s.Sent))
	x.counter("gateway_sockets_messages_unsayable_total", "Messages for clients that their serializer or transport cannot carry.", float64(s.Unsayable))
	x.gauge("gateway_channel_topics", "Topics that have members.", float64(s.Topics))
	x.gauge("gateway_channel_members", "Memberships of clients in topics.", float64(s.Members))
	x.family("gateway_channel_joins_total", "counter", "Joins of channels, by what became of them.")
	x.sample("gateway_channel_joins_total", float64(s.Joins), "result", "ok")
	x.sample("gateway_channel_joins_total", float64(s.JoinsRefused), "result", "refused")
	x.counter("gateway_channel_broadcasts_total", "Events that were broadcast to a topic.", float64(s.Broadcasts))
	x.counter("gateway_channel_deliveries_total", "Members that broadcasts reached.", float64(s.Deliveries))
	x.family("gateway_channel_presences", "gauge", "Metas that are tracked, by whose members they are.")
	x.sample("gateway_channel_presences", float64(s.Presences), "node", "this")
	x.sample("gateway_channel_presences", float64(s.RemotePresences), "node", "other")
	if s.Cluster != nil {
		x.cluster(s.Cluster)
	}
}

func (x *exposition) cluster(c *Cluster) {
	up := 0.0
	if c.Up {
		up = 1
	}
	x.gauge("gateway_cluster_up", "Whether there is a connection to the other nodes.", up)
	x.gauge("gateway_cluster_nodes", "Other nodes that are heard.", float64(c.Nodes))
	x.gauge("gateway_cluster_topics", "Topics that this node hears of from others.", float64(c.Topics))
	x.counter("gateway_cluster_messages_published_total", "Messages to other nodes.", float64(c.Published))
	x.counter("gateway_cluster_messages_received_total", "Messages of other nodes.", float64(c.Received))
	x.counter("gateway_cluster_messages_not_crossed_total", "Messages that the other nodes did not get.", float64(c.NotCrossed))
	x.counter("gateway_cluster_messages_unreadable_total", "Messages of other nodes that could not be read.", float64(c.Unreadable))
	x.counter("gateway_cluster_joins_unconfirmed_total", "Joins that were answered before events of other nodes were sure to arrive.", float64(c.Unconfirmed))
	x.counter("gateway_cluster_presence_gaps_total", "Times that presences of another node had to be asked for anew.", float64(c.Gaps))
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}
