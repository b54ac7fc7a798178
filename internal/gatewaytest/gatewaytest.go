// Package gatewaytest runs the gateway as its users do: as a process, on a copy of a
// folder, asked by its address.
package gatewaytest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTime bounds how long a process may take until it serves, stopTime until it ends.
const (
	startTime = 60 * time.Second
	stopTime  = 40 * time.Second
)

// Root is the folder of the project.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("the place of the source is not known")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Build compiles the gateway into a folder of the test and returns its path.
func Build(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gateway")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/gateway")
	build.Dir = Root(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/gateway: %v\n%s", err, out)
	}
	return binary
}

// Copy copies a folder with a manifest app.yaml into one of the test, and lets the copy
// listen on a free port of this machine alone.
func Copy(t testing.TB, dir string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, made := range []string{"data", ".gateway"} { // by a run of the original
		if err := os.RemoveAll(filepath.Join(copied, made)); err != nil {
			t.Fatal(err)
		}
	}
	manifest := filepath.Join(copied, "app.yaml")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	const here = "{endpoint: {listen: '127.0.0.1:0'}}"
	text = append(text, "\nenvironments: {dev: "+here+", prod: "+here+"}\n"...)
	if err := os.WriteFile(manifest, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return copied
}

// A Process is a gateway that serves.
type Process struct {
	Port string // on 127.0.0.1
	cmd  *exec.Cmd
	log  *buffer
	done chan struct{} // closed when it has ended
	err  error         // how it ended, once done is closed
}

// Start runs a command that serves, and returns when it does. It is stopped when the test
// ends, if it was not before.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{cmd: cmd, log: &buffer{}, done: make(chan struct{})}
	out, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan string, 1)
	go func() { // ends when the process does
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := served.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case serving <- m[1]:
				default: // told already
				}
			}
		}
	}()
	go func() { // ends when the process does
		p.err = cmd.Wait()
		w.Close()
		close(p.done)
	}()
	select {
	case p.Port = <-serving:
	case <-p.done:
		t.Fatalf("%s ended before it served: %v\n%s", cmd, p.err, p.log)
	case <-time.After(startTime):
		_ = cmd.Process.Kill()
		t.Fatalf("%s does not serve after %v\n%s", cmd, startTime, p.log)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("%s: %v\n%s", cmd, err, p.log)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", cmd, p.log)
		}
	})
	return p
}

var served = regexp.MustCompile(`: serving .* on http://[^ ]*:([0-9]+)$`)

// Stop asks the process to end, and tells when it did not end well. Once it has ended it
// does nothing.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
		return p.err
	case <-time.After(stopTime):
		return errors.Join(errors.New("it does not end on SIGTERM"), p.cmd.Process.Kill())
	}
}

// Kill ends the process at once, as a crash does.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	p.err = nil
	return err
}

// Log is what the process wrote to stderr until now.
func (p *Process) Log() string { return p.log.String() }

// WaitLog returns when the log holds a text, or with an error after a minute.
func (p *Process) WaitLog(ctx context.Context, text string) error {
	return p.log.wait(ctx, text)
}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// buffer is a bytes.Buffer for one writer and many readers, who can wait for a text.
type buffer struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
	return b.text.Write(p)
}

// String is what was written until now.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *buffer) wait(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		b.mu.Lock()
		if strings.Contains(b.text.String(), text) {
			b.mu.Unlock()
			return nil
		}
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.New("the log does not say " + text + ":\n" + b.String())
		}
	}
}
