package main

import (
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gateway": main})
}

// What a user types and sees. `go test ./cmd/gateway -update` writes the outputs that
// scripts compare with; read the difference before you keep it.
func TestScripts(t *testing.T) {
	update := flag.Lookup("update").Value.String() == "true"
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       update,
		Deadline:            time.Now().Add(8 * time.Minute),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               takePort,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

var _ = flag.Bool("update", false, "write the outputs that the scripts compare with")

// takePort lets $TAKEN name a port that another program listens on.
func takePort(env *testscript.Env) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	env.Setenv("TAKEN", port)
	return err
}

// exits CODE COMMAND...: the command ends with this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil && !errors.Is(err, os.ErrProcessDone) {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}
