package gatewaytest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/markdown"
)

// RunPage does what the shell blocks of a page say, and checks what they claim:
//
//   - `go run ./cmd/gateway serve MANIFEST --dev` serves a copy of the manifest's folder
//     on a free port, until the page serves another or ends. Other commands of the
//     gateway must end well;
//   - `make NAME` must name a target of the Makefile, which is not run;
//   - `curl ... # STATUS BODY` must get this status. A body of JSON must hold at least
//     what the claim holds, any other must be the same text. Every curl at the beginning
//     of a line needs a claim;
//   - any other line is run by bash.
//
// In all of them localhost:4000 stands for the gateway. replace holds more pairs of texts.
func RunPage(t *testing.T, binary, page string, replace ...string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	run := &session{t: t, binary: binary, page: page, replace: strings.NewReplacer(replace...)}
	for _, block := range markdown.Blocks(string(text)) {
		if block.Info != "shell" {
			continue
		}
		for i, line := range strings.Split(strings.ReplaceAll(block.Text, "\\\n", ""), "\n") {
			run.line(line, block.Line+i)
		}
	}
	run.flush()
	run.stop()
}

// A session is one page being run.
type session struct {
	t       *testing.T
	binary  string
	page    string
	replace *strings.Replacer
	process *Process
	lines   []string // waiting to be run by one bash, which keeps their variables
	claims  []claim
}

// A claim is what a page says that a curl gets.
type claim struct {
	line         int
	command      string
	status, body string
}

var (
	serveLine   = regexp.MustCompile(`^((?:[A-Z_]+=\S+ )*)go run ./cmd/gateway serve (\S+)/app\.yaml (.*)$`)
	gatewayLine = regexp.MustCompile(`^go run ./cmd/gateway (.*)$`)
	makeLine    = regexp.MustCompile(`^make ([a-z-]+)$`)
	curlLine    = regexp.MustCompile(`^(curl .*?)\s+# ([0-9]{3})(?: (.*))?$`)
)

func (s *session) line(line string, number int) {
	s.t.Helper()
	line = s.replace.Replace(strings.TrimSpace(line))
	if m := serveLine.FindStringSubmatch(line); m != nil {
		s.flush()
		s.serve(strings.Fields(m[1]), m[2], strings.Fields(m[3]))
		return
	}
	if m := gatewayLine.FindStringSubmatch(line); m != nil {
		s.bash(number, s.binary+" "+m[1])
		return
	}
	if m := makeLine.FindStringSubmatch(line); m != nil {
		s.bash(number, "make -n "+m[1])
		return
	}
	if m := curlLine.FindStringSubmatch(line); m != nil {
		s.lines = append(s.lines, fmt.Sprintf("%s -sS -o $OUT/%d.body -w '%%{http_code}' > $OUT/%d.status", m[1], len(s.claims), len(s.claims)))
		s.claims = append(s.claims, claim{number, m[1], m[2], m[3]})
		return
	}
	if strings.HasPrefix(line, "curl ") {
		s.t.Errorf("%s:%d: %q claims no status: write ` # 200` behind it", s.page, number, line)
		return
	}
	if line != "" && !strings.HasPrefix(line, "#") {
		s.lines = append(s.lines, line)
	}
}

func (s *session) serve(env []string, dir string, args []string) {
	s.t.Helper()
	s.stop()
	cmd := exec.Command(s.binary, append([]string{"serve", "app.yaml"}, args...)...)
	cmd.Dir = Copy(s.t, filepath.Join(Root(s.t), dir))
	cmd.Env = append(os.Environ(), env...)
	s.process = Start(s.t, cmd)
}

func (s *session) stop() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.Stop(); err != nil {
		s.t.Errorf("%s: %v\n%s", s.page, err, s.process.Log())
	}
	s.process = nil
}

// flush runs the lines that wait, and checks their claims.
func (s *session) flush() {
	s.t.Helper()
	if len(s.lines) == 0 {
		return
	}
	out := s.t.TempDir()
	script := "set -eu\n" + strings.Join(s.lines, "\n")
	if s.process != nil {
		script = strings.ReplaceAll(script, "localhost:4000", "127.0.0.1:"+s.process.Port)
	}
	claims := s.claims
	s.lines, s.claims = nil, nil
	bash := exec.CommandContext(s.t.Context(), "bash", "-c", script)
	bash.Dir = Root(s.t)
	bash.Env = append(os.Environ(), "OUT="+out)
	if text, err := bash.CombinedOutput(); err != nil {
		s.t.Errorf("%s: %v\n%s\nin\n%s", s.page, err, text, script)
		return
	}
	for i, c := range claims {
		s.check(c, out, i)
	}
}

func (s *session) check(c claim, out string, i int) {
	s.t.Helper()
	status, body := s.read(out, i, "status"), s.read(out, i, "body")
	if strings.HasPrefix(c.command, "curl -i ") || strings.Contains(c.command, " -i ") {
		_, body, _ = strings.Cut(strings.ReplaceAll(body, "\r\n", "\n"), "\n\n")
	}
	if status != c.status || !holds(body, c.body) {
		s.t.Errorf("%s:%d: %s\nanswers %s %s\nclaimed %s %s", s.page, c.line, c.command, status, body, c.status, c.body)
	}
}

func (s *session) read(out string, i int, what string) string {
	text, err := os.ReadFile(filepath.Join(out, fmt.Sprintf("%d.%s", i, what)))
	if err != nil && what == "status" { // curl writes no file for an empty body
		s.t.Error(err)
	}
	return strings.TrimSpace(string(text))
}

// bash runs one command that must end well.
func (s *session) bash(number int, command string) {
	s.t.Helper()
	run := exec.CommandContext(s.t.Context(), "bash", "-c", command)
	run.Dir = Root(s.t)
	if out, err := run.CombinedOutput(); err != nil {
		s.t.Errorf("%s:%d: %s: %v\n%s", s.page, number, command, err, out)
	}
}

// holds tells whether an answer is what was claimed; an empty claim is silent about it.
func holds(body, claim string) bool {
	if claim == "" {
		return true
	}
	var want, got any
	if json.Unmarshal([]byte(claim), &want) != nil {
		return body == claim
	}
	return json.Unmarshal([]byte(body), &got) == nil && within(want, got)
}

// within tells whether got holds all of want: the members of an object, the elements of a
// list one by one.
func within(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		for key, value := range want {
			ok = ok && within(value, object[key])
		}
		return ok
	case []any:
		list, ok := got.([]any)
		ok = ok && len(list) == len(want)
		for i := range want {
			ok = ok && within(want[i], list[i])
		}
		return ok
	}
	return reflect.DeepEqual(want, got)
}
