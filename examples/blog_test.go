package examples_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Two people write and read on the pages of the blog while its files are edited: see
// test/blog.mjs. GATEWAY_TEST_SCREENSHOTS names a folder for the pictures of the pages.
func TestBlogInBrowser(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	script, _, dir := browse(ctx, t, "blog")
	screenshots := t.TempDir()
	if path := os.Getenv("GATEWAY_TEST_SCREENSHOTS"); path != "" {
		screenshots = path
	}
	script.Args = append(script.Args, dir, screenshots)
	out, err := script.Output()
	steps := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil {
		t.Fatalf("node blog.mjs: %v after %q\n%s", err, steps, script.Stderr)
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
