// Package prometheus lets Prometheus' own parser and linter judge what the gateway counts.
package prometheus

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/openmanifest/gateway/test/conformance/kit"
)

const manifest = `version: 1
name: shop
endpoint: {listen: 127.0.0.1:0}
stores: {main: {url: "sqlite::memory:"}}
upstreams: {away: {targets: "http://127.0.0.1:9"}}
scopes:
  - routes:
      - get: /metrics
        metrics: {}
      - get: /posts/:id
        text: post
      - get: /a"b/*rest
        text: odd
      - post: /posts
        send_resp: 201
      - get: /away
        proxy: away
`

func fetch(t *testing.T, method, url string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// scrape gives the families, as Prometheus reads them.
func scrape(t *testing.T, base string) ([]byte, map[string]*dto.MetricFamily) {
	t.Helper()
	text := fetch(t, "GET", base+"/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return text, families
}

func TestMetrics(t *testing.T) {
	g := kit.Start(t, t.TempDir(), manifest)
	base := "http://" + g.Addr().String()
	for range 3 {
		fetch(t, "GET", base+"/posts/1")
	}
	fetch(t, "POST", base+"/posts")
	fetch(t, "GET", base+"/nobody/knows/1")
	fetch(t, "GET", base+"/nobody/knows/2")
	fetch(t, "GET", base+"/a%22b/x")
	fetch(t, "GET", base+"/away")
	text, families := scrape(t, base)
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("promlint: %s: %s", p.Metric, p.Text)
	}
	want := map[string]float64{"GET /posts/:id 200": 3, "POST /posts 201": 1, "GET (unmatched) 404": 2}
	for _, m := range families["gateway_http_requests_total"].GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetValue())
		}
		name := strings.Join(labels, " ")
		if n, known := want[name]; known && n != m.GetCounter().GetValue() {
			t.Errorf("%s: %v, want %v", name, m.GetCounter().GetValue(), n)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not counted: %v in\n%s", want, text)
	}
	for _, m := range families["gateway_http_request_duration_seconds"].GetMetric() {
		h := m.GetHistogram()
		last := h.GetBucket()[len(h.GetBucket())-1]
		if last.GetCumulativeCount() != h.GetSampleCount() || !slices.IsSortedFunc(h.GetBucket(), func(a, b *dto.Bucket) int { return int(a.GetCumulativeCount()) - int(b.GetCumulativeCount()) }) {
			t.Errorf("the buckets of %v are not cumulative", m)
		}
	}
	for _, name := range []string{"gateway_build_info", "gateway_config_generation", "gateway_http_requests_in_flight", "gateway_sockets_connected", "gateway_upstream_requests_total", "gateway_upstream_request_duration_seconds", "gateway_store_connections_max", "gateway_store_waits_total", "go_goroutines", "process_start_time_seconds"} {
		if families[name] == nil {
			t.Errorf("no %s", name)
		}
	}
}
