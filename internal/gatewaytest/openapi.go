package gatewaytest

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// OpenAPIProblems judges an OpenAPI document, and gives a line for each thing that is wrong.
func OpenAPIProblems(t testing.TB, document []byte) []string {
	t.Helper()
	folder := filepath.Join(Root(t), "test")
	cmd := exec.CommandContext(t.Context(), Node(t, folder), "openapi.mjs")
	cmd.Dir, cmd.Stdin = folder, bytes.NewReader(document)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node openapi.mjs: %v\n%s", err, errs.String())
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}
