package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// isWebsocket tells an opening handshake (RFC 6455 section 4.2.1). Other upgrades are not
// passed on: the request goes out as if it had not asked.
func isWebsocket(r *http.Request) bool {
	upgrade := r.Header["Upgrade"]
	return len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket") &&
		r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor == 1 &&
		r.ContentLength == 0 && hasToken(r.Header["Connection"], "upgrade")
}

// asked tells whether a 101 is what the client asked for.
func (x *exchange) asked(answer *http.Response) bool {
	_, ok := answer.Body.(io.ReadWriteCloser)
	return ok && x.websocket && strings.EqualFold(answer.Header.Get("Upgrade"), "websocket")
}

// switchProtocols passes on a 101 that was asked for and becomes a tunnel. It returns when
// the tunnel ends.
func (x *exchange) switchProtocols(answer *http.Response) error {
	upstream := answer.Body.(io.ReadWriteCloser)
	h := x.w.Header()
	copyAnswer(h, answer.Header)
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	x.w.WriteHeader(http.StatusSwitchingProtocols)
	x.setWriteDeadline()
	client, buffered, err := x.client.Hijack()
	if err != nil {
		x.cut(fmt.Errorf("take over the connection: %w", err))
		return nil
	}
	t := &tunnel{watch: &x.watch, idle: x.up.options.Idle, client: client, clientIdle: x.up.options.ClientIdle, upstream: upstream}
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered()) // never more than there is
	t.run(x.ctx, early)
	return nil
}

// A tunnel copies both ways until both have ended, one has failed, nothing has moved for
// idle, or the request's context is over.
type tunnel struct {
	watch      *watch
	idle       time.Duration
	client     net.Conn
	clientIdle time.Duration
	upstream   io.ReadWriteCloser
}

// run copies. early is what the client sent with the handshake. The rest is read from the
// connection itself: net/http's reader ends the context with the client's direction.
func (t *tunnel) run(ctx context.Context, early []byte) {
	defer context.AfterFunc(ctx, t.close)()
	defer t.close()
	t.moved()
	var other sync.WaitGroup
	other.Go(func() { t.copy(t.upstream, io.MultiReader(bytes.NewReader(early), t.client)) })
	t.copy(clientWriter{t}, t.upstream)
	other.Wait()
}

// copy ends src's direction with the end of src, and both when something fails.
func (t *tunnel) copy(dst io.Writer, src io.Reader) {
	buffer := make([]byte, tunnelBuffer)
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			t.moved()
			if _, writeErr := dst.Write(buffer[:n]); writeErr != nil {
				t.close()
				return
			}
			t.moved()
		}
		if err == io.EOF && closeWrite(dst) == nil {
			return
		}
		if err != nil {
			t.close()
			return
		}
	}
}

func (t *tunnel) moved() { t.watch.waitForBody(t.idle) }

func (t *tunnel) close() {
	t.client.Close()
	t.upstream.Close()
}

// clientWriter gives the client time for each piece.
type clientWriter struct{ t *tunnel }

func (c clientWriter) Write(p []byte) (int, error) {
	if err := c.t.client.SetWriteDeadline(time.Now().Add(c.t.clientIdle)); err != nil {
		return 0, err
	}
	return c.t.client.Write(p)
}

func (c clientWriter) CloseWrite() error { return closeWrite(c.t.client) }

// closeWrite says to the other side that no more will come.
func closeWrite(w any) error {
	half, ok := w.(interface{ CloseWrite() error })
	if !ok {
		return http.ErrNotSupported
	}
	return half.CloseWrite()
}
