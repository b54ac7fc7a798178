package outbound

import (
	"cmp"
	"context"
	"net"
	"net/url"
)

// Reach tells whether somebody listens where a URL points: it connects, and says nothing.
func Reach(ctx context.Context, target *url.URL) error {
	port := map[string]string{"http": "80", "https": "443"}[target.Scheme]
	c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(target.Hostname(), cmp.Or(target.Port(), port)))
	if err != nil {
		return err
	}
	return c.Close()
}
