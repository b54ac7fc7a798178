package gatewaytest

import "testing"

func TestHolds(t *testing.T) {
	tests := []struct {
		body, claim string
		want        bool
	}{
		{"OK", "", true},
		{"OK", "OK", true},
		{"OK!", "OK", false},
		{`{"a":1,"b":2}`, `{"a": 1}`, true},
		{`{"a":1}`, `{"a": 2}`, false},
		{`{"a":1}`, `{"b": null}`, true}, // JSON cannot say more
		{`{"a":{"b":[1,{"c":"d","e":2}]}}`, `{"a":{"b":[1,{"c":"d"}]}}`, true},
		{`[1,2]`, `[1]`, false},
		{`{"a":1}`, `[1]`, false},
		{`no json`, `{"a": 1}`, false},
	}
	for _, tt := range tests {
		if got := holds(tt.body, tt.claim); got != tt.want {
			t.Errorf("holds(%s, %s) = %v, want %v", tt.body, tt.claim, got, tt.want)
		}
	}
}

func TestCurlLine(t *testing.T) {
	tests := []struct{ line, command, status, body string }{
		{`curl localhost:4000/   # 200 Hello!`, "curl localhost:4000/", "200", "Hello!"},
		{`curl -X DELETE localhost:4000/1  # 204`, "curl -X DELETE localhost:4000/1", "204", ""},
		{`curl localhost:4000/ --json '{"a": "# 1"}' # 422 {"errors": {}}`, `curl localhost:4000/ --json '{"a": "# 1"}'`, "422", `{"errors": {}}`},
	}
	for _, tt := range tests {
		m := curlLine.FindStringSubmatch(tt.line)
		if m == nil || m[1] != tt.command || m[2] != tt.status || m[3] != tt.body {
			t.Errorf("%s is read as %q", tt.line, m)
		}
	}
	if m := curlLine.FindStringSubmatch("curl localhost:4000/"); m != nil {
		t.Errorf("a line without a claim is read as %q", m)
	}
}
