package resource

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// A target is the page that a browser is sent to when an action is done, from the path of
// the rows: up is how many segments it leaves, row tells that the row's id comes behind.
type target struct {
	ofRow bool // the request's path is that of a row
	up    int
	row   bool
}

// targetOf decides where to go: to the row, after a delete to the rows. A resource below
// another one that serves neither goes to the row above. The page must be there. path is
// that of the action's route.
func (x *rules) targetOf(b *pipeline.Build, a Action, path string) target {
	t := target{ofRow: a.OfRow(), row: a != Delete}
	below := x.parent != nil
	if t.row && below && !x.serves[Show] {
		t.row = false
	}
	if !t.row && below && !x.serves[Index] {
		t.up = strings.Count(strings.TrimSuffix(x.entry.Path.Value, "/"), "/")
	}
	pattern := t.base(strings.TrimSuffix(path, "/"))
	segments := strings.Split(pattern, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, ":") || strings.HasPrefix(s, "*") {
			segments[i] = ":_"
		}
	}
	pattern = strings.Join(segments, "/")
	if t.row {
		pattern += "/:_"
	}
	if pattern == "" {
		pattern = "/"
	}
	b.VerifyPath(pattern, x.entry.Pages.at)
	return t
}

// base is the path that the target stands at or below, from that of the request.
func (t target) base(path string) string {
	if t.ofRow {
		path = parentPath(path)
	}
	for range t.up {
		path = parentPath(path)
	}
	return path
}

func (t target) path(request string, id any) (string, error) {
	at := t.base(request)
	if !t.row {
		if at == "" {
			return "/", nil
		}
		return at, nil
	}
	text, err := value.AppendText([]byte(at+"/"), id)
	return string(text), err
}

// basePath is the path of the request, which begins with one slash and ends with none, so
// that it leads nowhere else.
func basePath(c *pipeline.Context) string {
	path := strings.Trim(c.R.URL.EscapedPath(), "/")
	if path == "" {
		return ""
	}
	return "/" + path
}

// parentPath is the path less its last segment.
func parentPath(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }
