package examples_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/gatewaytest"
)

// Two people write and read on the pages of the blog while its files are edited: see
// test/blog.mjs. GATEWAY_TEST_SCREENSHOTS names a folder for the pictures of the pages.
func TestBlogInBrowser(t *testing.T) {
	binary, chromium := gatewaytest.Build(t), gatewaytest.Chromium(t)
	folder := filepath.Join(gatewaytest.Root(t), "test")
	node := gatewaytest.Node(t, folder)
	dir := gatewaytest.Copy(t, "blog")
	serve := exec.Command(binary, "serve", "app.yaml", "--dev")
	serve.Dir = dir
	gateway := gatewaytest.Start(t, serve)

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	screenshots := t.TempDir()
	if path := os.Getenv("GATEWAY_TEST_SCREENSHOTS"); path != "" {
		screenshots = path
	}
	browse := exec.CommandContext(ctx, node, "blog.mjs", chromium, "http://localhost:"+gateway.Port, dir, screenshots)
	browse.Dir = folder
	var complaints strings.Builder
	browse.Stderr = &complaints
	out, err := browse.Output()
	steps := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil {
		t.Fatalf("node blog.mjs: %v after %q\n%s", err, steps, &complaints)
	}
	want := []string{
		"ok signs up, after errors at their fields",
		"ok writes a post, after an error that keeps what was written",
		"ok edits it, and adds a picture",
		"ok comments, and what is written stays text",
		"ok a form without its token is refused",
		"ok nobody edits another's post, or reads a draft",
		"ok deletes a post, when asked twice",
		"ok signs out and in",
		"ok an edit of a template or stylesheet shows by itself",
		"ok a broken template shows its fault over the page, until it is mended",
		"ok no script failed, and the policy blocked nothing",
	}
	if !slices.Equal(steps, want) {
		t.Errorf("steps that held: %q, want %q", steps, want)
	}
	pictures, err := filepath.Glob(filepath.Join(screenshots, "*-phone-dark.png"))
	if err != nil || len(pictures) < 6 {
		t.Errorf("%d pictures of pages on a phone: %v", len(pictures), err)
	}
}
