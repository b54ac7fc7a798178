package bustest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/internal/gatewaytest"
)

// A Server is a NATS server which its test may stop, start, halt and resume.
type Server struct {
	t    testing.TB
	path string
	dir  string
	port int
	args []string
	cmd  *osexec.Cmd // nil while stopped
	log  *os.File
}

// NewServer starts a server on a free port. args are more of its arguments, such as --user.
// It ends with the test.
func NewServer(t testing.TB, args ...string) *Server {
	t.Helper()
	s := StoppedServer(t, args...)
	s.Start()
	return s
}

// StoppedServer is a server that is to be started later.
func StoppedServer(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, path: serverPath(t), dir: t.TempDir(), port: gatewaytest.FreePort(t), args: args}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.Stop()
		}
	})
	return s
}

// serverPath finds the program: in the path, or where Debian has it.
func serverPath(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"nats-server", "/usr/sbin/nats-server", "/usr/local/sbin/nats-server"} {
		if path, err := osexec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("these tests need nats-server (Debian: apt-get install nats-server)")
	return ""
}

// Address is its host and port.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// URL is where clients find it, without a password.
func (s *Server) URL() string { return "nats://" + s.Address() }

// Start starts it, on the same port as before, and waits until it speaks.
func (s *Server) Start() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	s.log = log
	s.cmd = osexec.Command(s.path, append([]string{"-a", "127.0.0.1", "-p", fmt.Sprint(s.port)}, s.args...)...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(await.Patience); !s.speaks(); {
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log.Name())
			s.t.Fatalf("nats-server does not answer on port %d:\n%s", s.port, said)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// speaks tells whether the server says who it is, as it does at first to all.
func (s *Server) speaks() bool {
	c, err := net.DialTimeout("tcp", s.Address(), time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && strings.HasPrefix(line, "INFO ")
}

// Stop kills it.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Errorf("stop nats-server: %v", err)
	}
	_ = s.cmd.Wait() // tells of the kill
	s.cmd = nil
	s.log.Close()
}

// Halt makes it neither read nor write, with all its connections open, until Resume.
func (s *Server) Halt() { s.signal(syscall.SIGSTOP) }

// Resume ends Halt.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatalf("%v to nats-server: %v", signal, err)
	}
}
