package static

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// ownCacheControl is what Plug.Conn says of every answer: a file that a plug sends may be
// for one caller alone.
const ownCacheControl = "max-age=0, private, must-revalidate"

type sendFile struct {
	root                        string
	path, contentType, download *pipeline.Text
	ranges                      bool

	ownName bool // download: true
	rootAt  diag.Pos
}

// SendFile answers with one file of a folder, as Plug.Conn.send_file does. Its path may be
// computed: it never leads out of the folder.
func SendFile() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "send_file", Group: "answer", Places: pipeline.HTTP, Answers: pipeline.HTTP,
		Doc:   "Answers with a file of a folder, whose path may be computed and never leads out of the folder.",
		Fails: []pipeline.Reason{notFound, {Name: "malformed", Status: http.StatusBadRequest}},
	}, func(s *pipeline.Settings, o *sendFile) {
		s.String(&o.root, "root", "", "The folder, relative to the manifest.").Require().Observe(func(n *source.Node) { o.rootAt = n.At })
		s.Text(&o.path, "path", "The file below the folder, such as ${params.name}.").Require()
		s.Text(&o.contentType, "content_type", "What the file is. Default: by its ending.").Default = ""
		s.Text(&o.download, "download", "The name under which the browser saves the file, instead of showing it; true for its own.").Default = ""
		s.Bool(&o.ranges, "range", true, "Sends one part of the file when the client asks for it.")
	}, buildSendFile)
}

func buildSendFile(o sendFile, b *pipeline.Build) pipeline.Plug {
	files := folderOf(b, Options{Dir: b.Env.Path(o.root)}, o.root, o.rootAt)
	if files == nil {
		return nil
	}
	if o.download != nil {
		text, constant := o.download.Constant()
		o.ownName = constant && text == "true"
	}
	return func(c *pipeline.Context) (any, error) {
		ask, err := o.ask(c)
		if err != nil {
			return nil, err
		}
		served, err := answer(files.Files, c, ask)
		if err == nil && !served {
			err = pipeline.Refuse(notFound.Status, notFound.Name, "there is no such file")
		}
		return nil, err
	}
}

func (o *sendFile) ask(c *pipeline.Context) (ask Ask, err error) {
	if ask.Name, err = o.path.String(c); err != nil {
		return ask, err
	}
	if o.contentType != nil {
		if ask.Type, err = o.contentType.String(c); err != nil {
			return ask, err
		}
	}
	if o.download != nil {
		name, err := o.download.String(c)
		if err != nil {
			return ask, err
		}
		if o.ownName {
			name = ask.Name
		}
		ask.Disposition = Attachment(name)
	}
	if strings.ContainsAny(ask.Type, "\r\n\x00") {
		return ask, pipeline.Refuse(http.StatusBadRequest, "malformed", "a header cannot hold a line break")
	}
	ask.WithoutRange, ask.AnyMethod = !o.ranges, true
	if c.W.Header()["Cache-Control"] == nil {
		ask.CacheControl = ownCacheControl
	} else {
		ask.CacheControl = c.W.Header().Get("Cache-Control")
	}
	return ask, nil
}

// Attachment is a Content-Disposition that has a browser save a file under a name: RFC
// 6266, with the plain form for names that it can hold. Folders and control characters are
// left out of the name.
func Attachment(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	plain, escaped := make([]byte, 0, len(name)), false
	for _, r := range name {
		switch {
		case r < ' ' || r == 0x7f || r == '"':
			escaped = true
		case r > 0x7e || r == '%':
			plain, escaped = append(plain, '_'), true
		default:
			plain = append(plain, byte(r))
		}
	}
	out := `attachment; filename="` + string(plain) + `"`
	if escaped {
		out += "; filename*=UTF-8''" + extended(name)
	}
	return out
}

// extended writes a value of RFC 8187. Characters that no file name needs are left out.
func extended(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "\uFFFD"))
	escaped := strings.ReplaceAll(url.QueryEscape(clean), "+", "%20")
	return escaped
}
