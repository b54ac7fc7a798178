package data

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type upload struct {
	from    *pipeline.Value
	to      string
	toAt    diag.Pos
	toEmpty bool
	name    *pipeline.Text
	types   []fileType
	all     bool
	max     int64
}

// SaveUpload keeps a file of a multipart body in a folder. What it is is told by its
// content, and nothing of its path is the client's.
func SaveUpload() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "save_upload", Group: "data", Places: pipeline.Route,
		Doc:    "Keeps an uploaded file in a folder, if its content is of one of the types, under a name that nobody can guess.",
		Fails:  []pipeline.Reason{unfit()},
		Result: "path (below `to`, with it), name, size and content_type (as its content says)",
	}, uploadSettings, buildUpload)
}

func uploadSettings(s *pipeline.Settings, o *upload) {
	s.Value(&o.from, "from", "The file: `${params.avatar}`.").Require()
	s.String(&o.to, "to", "", "The folder, relative to the manifest; it is made where it is not there.").Require().
		Observe(func(n *source.Node) { o.toAt, o.toEmpty = n.At, n.Value == "" })
	s.Text(&o.name, "name", "The name instead of a random one; the extension of its type is added where it lacks that. A file of that name is replaced.").Default = ""
	s.Add("types", "list of media types", "Types that are kept: `image/png`, `image/*`; `any` keeps everything.", spec.OneOrMore(spec.Text(`^any$|^[^/]+/[^/]+$`)),
		func(d *spec.Decoder, n *source.Node) { o.readTypes(d, n) }).Require()
	var max *source.Node
	s.Size(&o.max, "max", "", "How large the file may be. Default: as `parsers` lets it through.").
		Observe(func(n *source.Node) { max = n })
	s.After(func(d *spec.Decoder, n *source.Node) {
		if !o.toAt.IsZero() && (o.toEmpty || strings.ContainsAny(o.to, "\x00")) {
			d.Problems.Add(o.toAt, "wrong-value", "this is no folder").Suggest("such as uploads, beside the manifest")
		}
		if max == nil {
			return
		}
		if size, ok := spec.ParseSize(max.Value); ok && size == 0 {
			d.Problems.Add(max.At, "wrong-value", "`max` of nothing refuses every file").Suggest("write a size such as 1MB")
		}
	})
}

func (o *upload) readTypes(d *spec.Decoder, n *source.Node) {
	o.types = nil
	for _, item := range spec.Items(n) {
		if item.Value == "any" && item.Kind == source.Scalar {
			o.all = true
			continue
		}
		found := typesOf(item.Value)
		if len(found) == 0 || item.Kind != source.Scalar {
			p := d.Problems.Add(item.At, "unknown-type", "%q is no type that a file's content tells", item.Value)
			if p.Hint = diag.DidYouMean(item.Value, typeNames()); p.Hint == "" {
				p.Suggest("such as image/png, image/*, application/pdf or text/csv; `any` keeps everything")
			}
			continue
		}
		o.types = append(o.types, found...)
	}
	if n.Kind == source.List && len(n.Items) == 0 {
		d.Problems.Add(n.At, "wrong-value", "`types` without a type keeps nothing").Suggest("such as [image/png, image/jpeg]")
	}
}

func buildUpload(o upload, b *pipeline.Build) pipeline.Plug {
	b.Result(expr.Record(map[string]expr.Type{"path": expr.String, "name": expr.String, "size": expr.Int, "content_type": expr.String}))
	if o.to == "" && !b.Env.Lenient {
		b.Problem(o.toAt, "wrong-value", "the folder is that of the manifest").Suggest("set the variable: such as uploads, beside the manifest")
	}
	folder := b.Env.Path(o.to)
	if o.to != "" && holds(folder, b.Env.Path(".")) {
		b.Problem(o.toAt, "wrong-value", "this folder holds the manifest itself, which an upload could replace").Suggest("give uploads a folder of their own, such as uploads")
		return nil
	}
	if _, constant := o.from.Constant(); constant {
		b.Problem(o.from.Node.At, "wrong-value", "this is a text, and no file").Suggest("name the field, such as ${params.avatar}")
		return nil
	}
	var root *os.Root
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		root, err = pipeline.Get(l, "uploads|"+folder, func() (*os.Root, func(), error) { return openFolder(folder) })
		return err
	})
	field := fieldOf(o.from.Node.Value)
	return func(c *pipeline.Context) (any, error) {
		v, err := o.from.Eval(c.Frame)
		if err != nil {
			return nil, err
		}
		u, ok := v.(*pipeline.Upload)
		if !ok {
			return nil, notAFile(field, v)
		}
		return o.save(c, root, u, field)
	}
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

func openFolder(folder string) (*os.Root, func(), error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, nil, fmt.Errorf("make the folder of uploads: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, nil, fmt.Errorf("open the folder of uploads: %w", err)
	}
	return root, func() { root.Close() }, nil
}

// fieldOf names the field that `from` reads, for errors by field.
func fieldOf(text string) string {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "${"), "}")
	name := strings.TrimSpace(text[strings.LastIndexByte(text, '.')+1:])
	if name = strings.Trim(name, `'"[]?`); spec.IsName(name) {
		return name
	}
	return "file"
}

func notAFile(field string, v any) error {
	if v == nil || v == "" {
		return refused(field, "can't be blank")
	}
	return refused(field, "is not a file")
}

func refused(field, why string) error { return pipeline.Invalid(map[string][]string{field: {why}}) }

// save checks the file and puts it in its place, whole or not at all.
func (o *upload) save(c *pipeline.Context, root *os.Root, u *pipeline.Upload, field string) (any, error) {
	if o.max > 0 && u.Size > o.max {
		return nil, refused(field, fmt.Sprintf("should be at most %d bytes", o.max))
	}
	content := u.Open()
	kind, err := o.kindOf(content, u)
	if err != nil {
		return nil, err
	}
	if kind == nil {
		return nil, refused(field, "is not of a type that is taken")
	}
	name, err := o.nameFor(c, kind)
	if err != nil {
		return nil, err
	}
	if err := write(c.Context(), root, name, content); err != nil {
		return nil, &pipeline.Unavailable{What: "folder of uploads", Err: err}
	}
	return map[string]any{"path": path.Join(filepath.ToSlash(o.to), name), "name": name, "size": u.Size, "content_type": kind.name}, nil
}

// kindOf tells what the file is, nil when that is not taken.
func (o *upload) kindOf(content io.ReadSeeker, u *pipeline.Upload) (*fileType, error) {
	head := make([]byte, sniffed)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return nil, &pipeline.Unavailable{What: "temporary file", Err: err}
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return nil, &pipeline.Unavailable{What: "temporary file", Err: err}
	}
	said := http.DetectContentType(head[:n])
	if o.all {
		return anyType(said, u), nil
	}
	return among(o.types, said, u), nil
}

func (o *upload) nameFor(c *pipeline.Context, kind *fileType) (string, error) {
	if o.name == nil {
		raw := make([]byte, 16)
		if _, err := rand.Read(raw); err != nil {
			return "", fmt.Errorf("make a name: %w", err)
		}
		return base64.RawURLEncoding.EncodeToString(raw) + kind.ext, nil
	}
	name, err := o.name.String(c)
	if err != nil {
		return "", err
	}
	if kind.ext != "" && !strings.HasSuffix(strings.ToLower(name), kind.ext) {
		name += kind.ext
	}
	if !soundName(name) {
		return "", pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "this cannot be the name of a file")
	}
	return name, nil
}

// soundName tells names that stay in their folder, are seen, and mean the same everywhere.
func soundName(name string) bool {
	if name == "" || name[0] == '.' || len(name) > 255 || !utf8.ValidString(name) || strings.ContainsAny(name, `/\:`) {
		return false
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return false
		}
	}
	return filepath.IsLocal(name)
}

// write makes the file under a name that is not served, and gives it its own when all of it
// is on the disk.
func write(ctx context.Context, root *os.Root, name string, content io.Reader) (err error) {
	temp := ".upload-" + rand.Text()
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = root.Remove(temp) // it is what could not be written
		}
	}()
	_, err = io.Copy(f, whileWanted{ctx, content})
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if info, statErr := root.Lstat(name); statErr == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "replace", Path: name, Err: errors.New("it is there, and no file")}
	}
	if err = root.Rename(temp, name); err != nil {
		return err
	}
	return syncFolder(root)
}

// syncFolder has the new name on the disk too.
func syncFolder(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // some file systems know no such thing
	return nil
}

// whileWanted reads until the request is over.
type whileWanted struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r whileWanted) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}
