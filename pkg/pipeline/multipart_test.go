package pipeline

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"strings"
	"testing"
)

// naive reads a form with mime/multipart alone: texts and the contents of files, by name.
func naive(body []byte) (texts, files map[string]string, err error) {
	form, err := multipart.NewReader(bytes.NewReader(body), "B").ReadForm(1 << 20)
	if err != nil {
		return nil, nil, err
	}
	defer form.RemoveAll()
	texts, files = map[string]string{}, map[string]string{}
	for name, values := range form.Value {
		texts[name] = values[len(values)-1]
	}
	for name, heads := range form.File {
		f, err := heads[len(heads)-1].Open()
		if err != nil {
			return nil, nil, err
		}
		content, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			return nil, nil, err
		}
		files[name] = string(content)
	}
	return texts, files, nil
}

// FuzzMultipart holds the reader of parts against mime/multipart: what it takes, that takes
// too and finds the same in it; what it does not take is refused as the client's doing.
func FuzzMultipart(f *testing.F) {
	part := "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n"
	file := "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nxyz\r\n"
	for _, seed := range []string{
		part + "--B--", file + "--B--", part + file + part + "--B--\r\n", "--B--", part, file[:len(file)-3], "--B\r\n\r\n--B--", "x" + part + "--B--",
		strings.ReplaceAll(part, "\r\n", "\n") + "--B--", strings.Replace(part, `"a"`, `"a[b][]"`, 1) + "--B--",
		strings.Replace(file, "a.png", `..\\..\\a.png`, 1) + "--B--", strings.Replace(part, "form-data", "attachment", 1) + "--B--",
		strings.Replace(part, "\r\n\r\n", "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41", 1) + "--B--",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var held *spool
		defer func() {
			if held != nil {
				held.close()
			}
		}()
		const limit = 1 << 20
		m := &form{texts: limit, maxTexts: limit, fields: map[string]any{}, spool: func() (s *spool, err error) {
			held, err = newSpool()
			return held, err
		}}
		if err := m.read(newBounded(bytes.NewReader(body), limit), "B"); err != nil {
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Status != 400 && refusal.Status != 413 {
				t.Fatalf("ended with %v, want a refusal", err)
			}
			return
		}
		texts, files, err := naive(body)
		if err != nil {
			t.Fatalf("taken, but mime/multipart says %v", err)
		}
		for name, v := range m.fields {
			switch v := v.(type) {
			case string:
				if texts[name] != v {
					t.Errorf("%q is %q, mime/multipart has %q", name, v, texts[name])
				}
			case *Upload:
				content, err := io.ReadAll(v.Open())
				if err != nil || string(content) != files[name] || int64(len(content)) != v.Size {
					t.Errorf("file %q holds %q (%v), mime/multipart has %q", name, content, err, files[name])
				}
				if v.Filename == "" || strings.ContainsAny(v.Filename, "/\\\x00") {
					t.Errorf("file %q is named %q", name, v.Filename)
				}
			}
		}
	})
}
