package source

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// MaxFileSize is the largest file read, in bytes. A manifest of 10,000 routes has 2 MB.
const MaxFileSize = 8 << 20

// A File is one YAML file as it was read.
type File struct {
	Name string            // as shown in problems
	Path string            // as opened; empty for a text that stands in no file
	Text string            // UTF-8 without byte order mark; every line ends in \n alone
	Sum  [sha256.Size]byte // of the bytes as they stand on disk

	starts []int // where each line begins in Text
	ascii  bool  // a column is then a number of bytes
}

// newFile makes the text that all places refer to. It is false when the bytes are no
// text that a manifest may hold; the problem is then in ps.
func newFile(name, path string, raw []byte, ps *diag.Problems) (*File, bool) {
	f := &File{Name: name, Path: path, Sum: sha256.Sum256(raw)}
	if len(raw) > MaxFileSize {
		ps.Add(diag.Pos{File: name, Line: 1, Column: 1}, "too-large", "the file is larger than %d MB", MaxFileSize>>20).
			Suggest("split it with `include`")
		return f, false
	}
	f.Text = normalise(raw)
	f.starts = append(f.starts, 0)
	for i := range len(f.Text) {
		if f.Text[i] == '\n' {
			f.starts = append(f.starts, i+1)
		}
	}
	f.ascii = true
	return f, f.checkCharacters(ps)
}

func normalise(raw []byte) string {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if bytes.IndexByte(raw, '\r') < 0 {
		return string(raw)
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(raw))
}

// checkCharacters refuses what YAML 1.2 section 5.1 does not let stand in a text, and
// the three separators that the parser counts as line ends and editors do not.
func (f *File) checkCharacters(ps *diag.Problems) bool {
	for i := 0; i < len(f.Text); {
		c := f.Text[i]
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(f.Text[i:])
		f.ascii = f.ascii && size == 1
		switch {
		case r == utf8.RuneError && size == 1:
			ps.Add(f.pos(i), "encoding", "the file is not UTF-8: byte 0x%02x is no character", c).Suggest("save it as UTF-8")
			return false
		case r == '\u0085' || r == '\u2028' || r == '\u2029':
			ps.Add(f.pos(i), "encoding", "the line separator %U is not a line end here", r).
				Suggest(`use a plain line end, or write "\u%04x" in double quotes`, r)
			return false
		case r < 0xa0 || r == 0xfffe || r == 0xffff:
			ps.Add(f.pos(i), "encoding", "the control character %U must not stand in a manifest", r).
				Suggest(`delete it, or write "\u%04x" in double quotes`, r)
			return false
		}
		i += size
	}
	return true
}

// readFile reads no more of a file than newFile takes. The error says what is wrong without its path.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, MaxFileSize+1))
	if err != nil {
		return nil, cause(err)
	}
	return raw, nil
}

func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no such file")
	}
	return err
}

// offset gives the byte at a line and column, both from 1; columns count characters.
func (f *File) offset(line, column int) int {
	line = min(max(line, 1), len(f.starts))
	start, end := f.starts[line-1], f.lineEnd(line)
	if f.ascii {
		return min(start+max(column, 1)-1, end)
	}
	for i := range f.Text[start:end] {
		if column <= 1 {
			return start + i
		}
		column--
	}
	return end
}

// lineEnd is the place of the \n of a line, or the end of the text.
func (f *File) lineEnd(line int) int {
	if line < len(f.starts) {
		return f.starts[line] - 1
	}
	return len(f.Text)
}

// lineAt gives the line, from 1, in which a byte stands.
func (f *File) lineAt(offset int) int {
	i, found := slices.BinarySearch(f.starts, offset)
	if found {
		return i + 1
	}
	return i
}

// pos gives the place of a byte.
func (f *File) pos(offset int) diag.Pos {
	offset = min(max(offset, 0), len(f.Text))
	line := f.lineAt(offset)
	return diag.Pos{File: f.Name, Line: line, Column: f.width(f.starts[line-1], offset) + 1}
}

// span gives the place of the bytes from start to end; its EndColumn is known when both
// are on one line.
func (f *File) span(start, end int) diag.Pos {
	at := f.pos(start)
	if last := f.pos(end); last.Line == at.Line && last.Column > at.Column {
		at.EndColumn = last.Column
	}
	return at
}
