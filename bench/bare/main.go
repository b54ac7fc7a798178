// Command bare answers what the load scripts ask the gateway for with nothing but net/http
// and httprouter: the limit that the gateway is measured against. It has no request id, no
// security headers, no log and no settings beyond addresses.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/julienschmidt/httprouter"
)

// Timeouts are those of the gateway, for a deadline costs too.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 120 * time.Second
	drainTimeout  = 5 * time.Second
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9300", "address")
	upstream := flag.String("upstream", "127.0.0.1:9001", "host:port that /proxy/* goes to")
	folder := flag.String("static", ".", "folder of /static/*")
	flag.Parse()
	if err := serve(*listen, handler(*upstream, *folder)); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func serve(address string, h http.Handler) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close() // an upstream that still sends is not waited for
}

// handler routes what the scripts ask for.
func handler(upstream, folder string) http.Handler {
	r := httprouter.New()
	r.GET("/items/:id", item)
	r.GET("/hello", hello)
	r.GET("/proxy/*path", proxy(upstream))
	files := http.FileServer(http.Dir(folder))
	r.GET("/static/*path", func(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
		r.URL.Path = p[0].Value
		files.ServeHTTP(w, r)
	})
	return r
}

// item answers with one parameter, as a careful writer of Go would: one buffer, no
// encoder. The parameter is trusted to need no escape, which the gateway cannot do.
func item(w http.ResponseWriter, _ *http.Request, p httprouter.Params) {
	body := make([]byte, 0, 64)
	body = append(body, `{"id":"`...)
	body = append(body, p[0].Value...)
	body = append(body, `","name":"item","ok":true}`...)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // a client that left wants no answer
}

func hello(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"hello":"world","ok":true}`)) // a client that left wants no answer
}

// proxy is httputil.ReverseProxy with what everybody tunes: idle connections for every
// client, and a pool of buffers.
func proxy(upstream string) httprouter.Handle {
	target := &url.URL{Scheme: "http", Host: upstream}
	reverse := &httputil.ReverseProxy{
		Transport: &http.Transport{
			DialContext:  (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			MaxIdleConns: 1024, MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		},
		BufferPool: &buffers{},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
	}
	return func(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
		r.URL.Path, r.URL.RawPath = p[0].Value, ""
		reverse.ServeHTTP(w, r)
	}
}

// buffers implements httputil.BufferPool.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
