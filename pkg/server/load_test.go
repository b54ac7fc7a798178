package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// load asks for / over keep-alive connections until stop is closed.
type load struct {
	requests, failed, closed atomic.Int64
	firstFault               atomic.Value
	stop                     chan struct{}
	done                     sync.WaitGroup
}

// seen is a connection of a client that tells when the server closes it.
type seen struct {
	net.Conn
	left     atomic.Bool // the client closed it
	byServer *atomic.Int64
}

func (c *seen) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && !c.left.Load() {
		c.byServer.Add(1)
	}
	return n, err
}

func (c *seen) Close() error {
	c.left.Store(true)
	return c.Conn.Close()
}

const loadConns = 64

func startLoad(address string) *load {
	l := &load{stop: make(chan struct{})}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &seen{Conn: c, byServer: &l.closed}, nil
	}
	for range loadConns {
		transport := &http.Transport{DialContext: dial, MaxConnsPerHost: 1}
		l.done.Go(func() {
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				l.ask(client, "http://"+address+"/")
			}
		})
	}
	return l
}

func (l *load) ask(client *http.Client, url string) {
	l.requests.Add(1)
	r, err := client.Get(url)
	if err == nil {
		var body []byte
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err == nil && (r.StatusCode != 200 || !strings.HasPrefix(string(body), "v")) {
			err = fmt.Errorf("%d %s", r.StatusCode, body)
		}
	}
	if err != nil {
		l.failed.Add(1)
		l.firstFault.CompareAndSwap(nil, err.Error())
	}
}

func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.done.Wait()
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed, the first: %v", n, l.requests.Load(), l.firstFault.Load())
	}
	if n := l.closed.Load(); n > 0 {
		t.Errorf("the server closed %d connections", n)
	}
	t.Logf("%d requests over %d connections", l.requests.Load(), loadConns)
}
