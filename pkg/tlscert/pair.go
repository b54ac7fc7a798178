package tlscert

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// A Pair is a certificate and its key in two files. Each connection looks whether they
// changed: that costs little beside a handshake, and works where no event comes.
type Pair struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]file // what was read last, whether it was of use or not
	until   time.Time
}

// A file is what tells that one changed.
type file struct {
	info fs.FileInfo
	text []byte
}

// maxPEM bounds a file of certificates, in bytes.
const maxPEM = 1 << 20

// settled is how long after its last change a file may change again unseen by its times.
const settled = 2 * time.Second

// Open reads a pair.
func Open(cert, key string, log *slog.Logger, now func() time.Time) (*Pair, error) {
	p := &Pair{cert: cert, key: key, log: log, now: now}
	if err := p.read(); err != nil {
		return nil, err
	}
	return p, nil
}

// Current gives the certificate of the files as they are. Where they are of no use it is
// the one before, and the log tells why.
func (p *Pair) Current() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed() {
		if err := p.read(); err != nil {
			p.log.Error("a changed certificate is not used, the one before stays", "cert", p.cert, "error", err)
		}
	}
	return p.current
}

// changed tells whether a file is another one than that which was read.
func (p *Pair) changed() bool {
	if p.now().Before(p.until) {
		return p.rewritten()
	}
	for i, name := range []string{p.cert, p.key} {
		info, err := os.Stat(name)
		last := p.seen[i].info
		if (err != nil) != (last == nil) {
			return true
		}
		if err == nil && (!os.SameFile(info, last) || !info.ModTime().Equal(last.ModTime()) || info.Size() != last.Size()) {
			return true
		}
	}
	return false
}

// rewritten looks at the text: for a while after a change times do not tell the next.
func (p *Pair) rewritten() bool {
	for i, name := range []string{p.cert, p.key} {
		f, err := readPEM(name)
		if (err != nil) != (p.seen[i].info == nil) || err == nil && !bytes.Equal(f.text, p.seen[i].text) {
			return true
		}
	}
	return false
}

// read takes the files. On an error current stays.
func (p *Pair) read() error {
	var first error
	var seen [2]file
	for i, name := range []string{p.cert, p.key} {
		f, err := readPEM(name)
		if err != nil && first == nil {
			first = err
		}
		seen[i] = f
	}
	p.seen, p.until = seen, p.now().Add(settled)
	if first != nil {
		return first
	}
	c, err := tls.X509KeyPair(seen[0].text, seen[1].text)
	if err != nil {
		return err
	}
	replaced := p.current != nil
	p.current = &c
	log := p.log.With("cert", p.cert, "names", names(&c), "expires", c.Leaf.NotAfter.UTC().Format(time.RFC3339))
	switch now := p.now(); {
	case now.After(c.Leaf.NotAfter):
		log.Error("this certificate has expired")
	case now.Before(c.Leaf.NotBefore):
		log.Error("this certificate is not valid yet", "from", c.Leaf.NotBefore.UTC().Format(time.RFC3339))
	case replaced:
		log.Info("a changed certificate is used")
	}
	return nil
}

func names(c *tls.Certificate) []string {
	list := c.Leaf.DNSNames
	for _, ip := range c.Leaf.IPAddresses {
		list = append(list[:len(list):len(list)], ip.String())
	}
	return list
}

// readPEM reads a file within bounds. An error names it.
func readPEM(name string) (file, error) {
	f, err := os.Open(name)
	if err != nil {
		return file{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return file{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(text) > maxPEM {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxPEM)
	}
	if err != nil {
		return file{}, err
	}
	return file{info, text}, nil
}
