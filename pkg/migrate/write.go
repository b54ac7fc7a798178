package migrate

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// NextVersion is the version of a migration that is written now: the time, or one more than
// the last where that is later.
func NextVersion(files []Migration, now time.Time) int64 {
	version, _ := strconv.ParseInt(now.UTC().Format("20060102150405"), 10, 64)
	for _, m := range files {
		version = max(version, m.Version+1)
	}
	return version
}

// Write makes the files of a migration from the steps of a database.
func Write(c *store.Changes) (up, down string) {
	var first, last writing
	for _, w := range []*writing{&first, &last} {
		w.comment("Made from the declared schemas. Read it before it runs.")
		if c.NoForeignKeys {
			w.line(directive + " " + noForeignKeys)
		}
	}
	for _, s := range c.Steps {
		first.step(s.Note, s.Up)
	}
	for _, s := range slices.Backward(c.Steps) {
		last.step("", s.Down)
	}
	if len(c.Notes) > 0 {
		first.line("")
		first.comment("Left alone:")
		for _, note := range c.Notes {
			first.comment("  " + note)
		}
	}
	return first.text.String(), last.text.String()
}

type writing struct{ text strings.Builder }

func (w *writing) line(s string) { w.text.WriteString(s + "\n") }

// comment writes a text that may hold what a stranger called his tables.
func (w *writing) comment(s string) {
	for line := range strings.SplitSeq(s, "\n") {
		w.line(strings.TrimRight("-- "+strings.ReplaceAll(line, "\r", " "), " "))
	}
}

func (w *writing) step(note string, statements []string) {
	if len(statements) == 0 {
		return
	}
	w.line("")
	if note != "" {
		w.comment(note)
	}
	for _, s := range statements {
		w.line(s + ";")
	}
}
