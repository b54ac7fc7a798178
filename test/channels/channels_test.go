// Package channels_test tries the client of Phoenix, as npm has it, and bare frames on the
// gateway: sentence by sentence what the protocol says.
package channels_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/gatewaytest"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
)

// How many cases must hold on one node, and on two; what needs one node is fewer.
const (
	atLeastOnOne = 738
	atLeastOnTwo = 707
)

// most bounds one run of the suite, which takes some fifteen seconds.
const most = 5 * time.Minute

func TestOneNode(t *testing.T) {
	binary := gatewaytest.Build(t)
	suite(t, atLeastOnOne, binary, serve(t, binary))
}

// Connections and single requests go to two nodes in turn.
func TestTwoNodes(t *testing.T) {
	binary := gatewaytest.Build(t)
	nats := "NATS_URL=" + bustest.NewServer(t).URL()
	suite(t, atLeastOnTwo, binary, serve(t, binary, nats), serve(t, binary, nats))
}

// serve starts the manifest of the suite and gives its address.
func serve(t *testing.T, binary string, env ...string) (url string) {
	t.Helper()
	cmd := exec.Command(binary, "serve", "app.yaml")
	cmd.Env = append(append(os.Environ(), "LISTEN=127.0.0.1:0"), env...)
	return "http://127.0.0.1:" + gatewaytest.Start(t, cmd).Port
}

// suite runs the cases. Those that do not hold are on stderr: see kit/run.mjs.
func suite(t *testing.T, atLeast int, binary string, urls ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	node := exec.CommandContext(ctx, gatewaytest.Node(t, ".."), "main.mjs")
	node.Env = append(os.Environ(), "GATEWAY_URLS="+strings.Join(urls, ","), "GATEWAY_BINARY="+binary)
	var wrong bytes.Buffer
	node.Stderr = &wrong
	out, err := node.Output()
	if err != nil || wrong.Len() > 0 {
		t.Errorf("node main.mjs: %v\n%s", err, wrong.String())
	}
	held := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "ok ") {
			held++
		}
	}
	if held < atLeast {
		t.Errorf("%d cases held, want %d or more", held, atLeast)
	}
}
