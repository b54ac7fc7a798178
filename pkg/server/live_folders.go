package server

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config/source"
)

// assetFolders are the folders whose files are served as they are: `static` with `from`.
// Where the application itself writes, such as uploads, no developer edits: a page that has
// just sent a file would lose what its flash says.
func assetFolders(l *app.Loaded) []string {
	if l.App == nil {
		return nil
	}
	var found, written []string
	eachStatic(l.Manifest.Root, func(from string) { found = append(found, l.App.Env.Path(from)) })
	eachUpload(l.Manifest.Root, func(to string) { written = append(written, l.App.Env.Path(to)) })
	return slices.DeleteFunc(found, func(dir string) bool { return slices.Contains(written, dir) })
}

// eachUpload finds where files are kept that clients send: by `save_upload`, and by the
// `uploads` of resources.
func eachUpload(n *source.Node, each func(to string)) {
	if n == nil {
		return
	}
	for _, item := range n.Items {
		eachUpload(item, each)
	}
	for _, e := range n.Entries {
		settings := []*source.Node{}
		switch e.Key.Value {
		case "save_upload":
			settings = append(settings, e.Value)
		case "uploads":
			for _, field := range e.Value.Entries {
				settings = append(settings, field.Value)
			}
		}
		for _, s := range settings {
			if to := s.Get("to"); to != nil && to.Kind == source.Scalar {
				each(to.Value)
			}
		}
		eachUpload(e.Value, each)
	}
}

// eachStatic finds the plugs `static` wherever they stand.
func eachStatic(n *source.Node, each func(from string)) {
	if n == nil {
		return
	}
	for _, item := range n.Items {
		eachStatic(item, each)
	}
	for _, e := range n.Entries {
		if e.Key.Value == "static" {
			if from := e.Value.Get("from"); from != nil && from.Kind == source.Scalar && !strings.Contains(from.Value, "${") {
				each(from.Value)
			} else if e.Value.Kind == source.Scalar && e.Value.Value != "" {
				each(e.Value.Value)
			}
		}
		eachStatic(e.Value, each)
	}
}
