package redact

import (
	"net/url"
	"strings"
	"testing"
)

func TestQuery(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"page=2&q=a%20b", "page=2&q=a%20b"},
		{"token=abc", "token=[redacted]"},
		{"TOKEN=abc&x=1", "TOKEN=[redacted]&x=1"},
		{"to%6ben=abc", "to%6ben=[redacted]"},
		{"user[password]=abc", "user[password]=[redacted]"},
		{"access_token=a&api_key=b&api-key=c&X-Amz-Signature=d", "access_token=[redacted]&api_key=[redacted]&api-key=[redacted]&X-Amz-Signature=[redacted]"},
		{"code=a&state=b", "code=[redacted]&state=[redacted]"},
		{"t=SFMyNTY.g2gDYQFuBgB", "t=[redacted]"},
		{"t=eyJhbGciOiJIUzI1NiJ9.e30.x", "t=[redacted]"},
		{"eyJhbGciOiJIUzI1NiJ9", "[redacted]"},
		{"t=" + strings.Repeat("a", 40), "t=[redacted]"},
		{"t=" + strings.Repeat("a", 39), "t=" + strings.Repeat("a", 39)},
		{"q=" + strings.Repeat("a%20", 40), "q=" + strings.Repeat("a%20", 40)},
		{"id=0f8fad5b-d9cb-469f-a165-70867728950e", "id=0f8fad5b-d9cb-469f-a165-70867728950e"},
		{"a=%zz", "a=[redacted]"},
		{"%zz=a", "[redacted]=[redacted]"},
		{"a=b=c", "a=b=c"},
		{"&&", "&&"},
		{"monkey=1&keyboard=2", "monkey=1&keyboard=2"},
	}
	for _, tt := range tests {
		if got := Query(tt.in); got != tt.want {
			t.Errorf("Query(%q) is %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestURLs(t *testing.T) {
	tests := []struct{ in, want string }{
		{"postgres://ann:hunter2@db/shop", "postgres://ann:[redacted]@db/shop"},
		{"postgres://ann:hun@ter2@db/shop", "postgres://ann:[redacted]@db/shop"},
		{"postgres://:hunter2@db/shop", "postgres://:[redacted]@db/shop"},
		{"postgres://ann@db/shop", "postgres://ann@db/shop"},
		{"postgres://db/shop?user=ann&password=hunter2&sslmode=disable", "postgres://db/shop?user=ann&password=[redacted]&sslmode=disable"},
		{"${env.DB ?? 'postgres://ann:hunter2@db/shop'}", "${env.DB ?? 'postgres://ann:[redacted]@db/shop'}"},
		{"postgres://ann:${env.PASSWORD}@db/shop", "postgres://ann:[redacted]@db/shop"},
		{"see http://a.example/b and nats://u:p@c", "see http://a.example/b and nats://u:[redacted]@c"},
		{"sqlite:data/app.db", "sqlite:data/app.db"},
		{"http://127.0.0.1:9001", "http://127.0.0.1:9001"},
	}
	for _, tt := range tests {
		if got := URLs(tt.in); got != tt.want {
			t.Errorf("URLs(%q) is %q, want %q", tt.in, got, tt.want)
		}
	}
}

// Whatever the query: the value of a token is not in what is shown.
func FuzzQuery(f *testing.F) {
	f.Add("a=1&b=2", "token")
	f.Add("%", "pass%77ord")
	f.Fuzz(func(t *testing.T, query, name string) {
		const secret = "hunter2hunter2"
		n, err := url.QueryUnescape(name)
		if err != nil || !Name(n) || strings.ContainsAny(name, "&=") || strings.Contains(query, secret) || strings.Contains(name, secret) {
			return
		}
		if got := Query(query + "&" + name + "=" + secret); strings.Contains(got, secret) {
			t.Errorf("%q shows it", got)
		}
	})
}
