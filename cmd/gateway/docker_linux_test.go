package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
)

// nobody is the user of the Dockerfile.
const nobody = 65532

// The image is what its Dockerfile says, without Docker: its build line is run, and the
// binary serves from a folder that holds nothing but itself and a manifest.
func TestDockerfile(t *testing.T) {
	root := gatewaytest.Root(t)
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	_, final, _ := strings.Cut(string(text), "\nFROM scratch\n")
	if !strings.Contains(final, "\nUSER 65532:65532\n") || strings.Contains(final, "RUN") {
		t.Error("the last stage is not an empty root with a user of its own")
	}

	image := t.TempDir()
	binary := filepath.Join(image, "gateway")
	build(t, root, string(text), binary)
	checkStatic(t, binary)
	if err := os.Mkdir(filepath.Join(image, "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	app := gatewaytest.Copy(t, filepath.Join(root, "examples", "hello"))
	if err := os.Rename(filepath.Join(app, "app.yaml"), filepath.Join(image, "app", "app.yaml")); err != nil {
		t.Fatal(err)
	}

	gateway := gatewaytest.Start(t, contained(t, image))
	if got := get(t, gateway, "/hello/docker"); got != `{"hello":"docker"}` {
		t.Errorf("GET /hello/docker answers %q", got)
	}
}

var buildLine = regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .* -o )/out/gateway( .*)$`)

func build(t *testing.T, root, dockerfile, binary string) {
	t.Helper()
	m := buildLine.FindStringSubmatch(dockerfile)
	if m == nil {
		t.Fatal("the Dockerfile has no build line")
	}
	run := exec.CommandContext(t.Context(), "sh", "-c", m[1]+binary+m[2])
	run.Dir = root
	run.Env = append(os.Environ(), "VERSION=v0.0.0-docker")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", run, err, out)
	}
	out, err := exec.CommandContext(t.Context(), binary, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "gateway v0.0.0-docker ") {
		t.Errorf("the version of the build is %q, %v", out, err)
	}
}

func checkStatic(t *testing.T, binary string) {
	t.Helper()
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Section(".dynamic") != nil || f.Section(".interp") != nil {
		t.Error("the binary is not static")
	}
}

// contained is the container's command: as its user, with image as the root of all files.
func contained(t *testing.T, image string) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("only root can change the root: the binary runs beside all other files")
		return exec.Command(filepath.Join(image, "gateway"), "serve", filepath.Join(image, "app", "app.yaml"))
	}
	cmd := exec.Command("/gateway", "serve", "/app/app.yaml")
	cmd.Dir = "/app"
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: image, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}
