package proxy

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// BenchmarkServe sends 1 KB answers through real connections; allocations are those of
// client, proxy and upstream together. The reverse proxy of net/http, with the same
// connections, is the measure.
func BenchmarkServe(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 1<<10)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	}))
	defer up.Close()
	target, err := url.Parse(up.URL)
	if err != nil {
		b.Fatal(err)
	}
	u, err := NewUpstream("bench", target, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer u.Close()
	reverse := &httputil.ReverseProxy{
		Transport:  u.transport,
		BufferPool: &benchPool{},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
	}
	b.Run("direct", func(b *testing.B) { benchGet(b, up.URL) })
	b.Run("ours", func(b *testing.B) {
		benchFront(b, func(w http.ResponseWriter, r *http.Request) {
			if err := u.Serve(w, r, Request{StripPrefix: "/api"}); err != nil {
				b.Error(err)
			}
		})
	})
	b.Run("ReverseProxy", func(b *testing.B) { benchFront(b, reverse.ServeHTTP) })
}

type benchPool struct{ pool sync.Pool }

func (p *benchPool) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, copyBuffer)
}

func (p *benchPool) Put(b []byte) { p.pool.Put(&b) }

func benchFront(b *testing.B, h http.HandlerFunc) {
	front := httptest.NewServer(h)
	defer front.Close()
	benchGet(b, front.URL)
}

func benchGet(b *testing.B, address string) {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	defer transport.CloseIdleConnections()
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		request, err := http.NewRequest(http.MethodGet, address+"/api/1k.json?a=b", nil)
		if err != nil {
			b.Error(err)
			return
		}
		for pb.Next() {
			answer, err := transport.RoundTrip(request)
			if err != nil {
				b.Error(err)
				return
			}
			if n, err := io.Copy(io.Discard, answer.Body); n != 1<<10 || err != nil {
				b.Errorf("read %d bytes, %v", n, err)
			}
			answer.Body.Close()
		}
	})
}
