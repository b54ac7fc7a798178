// Package postgrestest runs a Postgres server of a test's own.
package postgrestest

import (
	"fmt"
	"os"
	osexec "os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
)

// A Server is a Postgres which its test may stop and start. Postgres refuses to run as root,
// so root runs it as the user postgres, or as nobody.
type Server struct {
	t    *testing.T
	dir  string
	port int
}

// New makes a server and starts it. It ends with the test.
func New(t *testing.T) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "gateway-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, port: gatewaytest.FreePort(t)}
	if uid, gid, ok := serverUser(t); ok {
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	s.tool("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
	s.Start()
	t.Cleanup(func() {
		s.Stop("immediate")
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// URL is the address of its database postgres.
func (s *Server) URL() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", s.port)
}

// Start starts it again, and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	options := fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c fsync=off", s.port, s.dir)
	s.tool("pg_ctl", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-w", "-t", "60", "-o", options, "start")
}

// Stop ends all connections; immediate leaves the server to recover at its next start.
func (s *Server) Stop(mode string) {
	s.t.Helper()
	s.tool("pg_ctl", "-D", s.data(), "-m", mode, "-w", "-t", "60", "stop")
}

func (s *Server) tool(name string, args ...string) {
	s.t.Helper()
	cmd := osexec.Command(findTool(s.t, name), args...)
	cmd.Dir = s.dir
	if uid, gid, ok := serverUser(s.t); ok {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	out, err := os.CreateTemp("", "gateway-postgres-out-") // the server keeps it open: a pipe would be waited for
	if err != nil {
		s.t.Fatal(err)
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		s.t.Fatalf("%s %v: %v\n%s", name, args, err, said)
	}
}

// serverUser is who runs a server when we are root.
func serverUser(t *testing.T) (uid, gid int, root bool) {
	t.Helper()
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			t.Fatalf("these tests need a user for the server, since they run as root: %v", err)
		}
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid, true
}

// findTool finds a program of the server: in the path, or where Debian has it.
func findTool(t *testing.T, name string) string {
	t.Helper()
	if path, err := osexec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		t.Fatalf("these tests need %s of a Postgres server", name)
	}
	return found[len(found)-1]
}
