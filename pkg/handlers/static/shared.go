package static

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/handlers/internal/late"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// lazyFiles are there once the application has opened.
type lazyFiles struct{ *Files }

// folderOf has a folder opened, or finds the one that an application before has opened the
// same way. It is nil when a problem was reported.
func folderOf(b *pipeline.Build, options Options, from string, at diag.Pos) *lazyFiles {
	switch info, err := os.Stat(options.Dir); {
	case err != nil:
		b.Problems.Warn(at, "missing-folder", "there is no folder %q", from).Suggest("files are served as soon as it is there")
	case !info.IsDir():
		b.Problem(at, "wrong-value", "%q is not a folder", from)
		return nil
	}
	if holds(options.Dir, b.Env.Path(".")) {
		b.Problem(at, "serves-manifest", "this folder holds the manifest itself, and with it data and secrets").Suggest("put the files into a folder of their own, such as public")
		return nil
	}
	files := &lazyFiles{}
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		files.Files, err = pipeline.Get(l, fmt.Sprintf("static|%#v", options), func() (*Files, func(), error) {
			f, err := New(options)
			if errors.Is(err, ErrMissing) {
				err = nil
			}
			if err != nil {
				return nil, nil, err
			}
			return f, f.Close, nil
		})
		return err
	})
	return files
}

// answer sends a file as the answer of a run, with `status:` and `headers:` applied. In an
// `else` it has the failure's status.
func answer(files *Files, c *pipeline.Context, ask Ask) (served bool, err error) {
	if failure, ok := c.Slots[pipeline.SlotFailure].(*pipeline.Refusal); ok {
		ask.Status = failure.Status
	}
	w := late.New(c)
	served, err = files.Answer(w, c.R, ask)
	var refusal *Refusal
	switch {
	case w.Err() != nil:
		return served, w.Err()
	case errors.As(err, &refusal):
		return false, pipeline.Refuse(refusal.Status, "malformed", "%s", refusal.Reason)
	case err == nil && served:
		c.Begin()
	}
	return served, err
}

// holds tells whether a folder is dir or lies inside dir.
func holds(dir, folder string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return false
	}
	rest, err := filepath.Rel(dir, folder)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

var notFound = pipeline.Reason{Name: "not_found", Status: http.StatusNotFound}
