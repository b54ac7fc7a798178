package pipeline

import (
	"bufio"
	"io"
	"os"
)

// An Upload is a file of a multipart body. It is kept in a temporary file until the request
// ends; expressions see what the client said of it, and its size.
type Upload struct {
	Filename    string // as the client named it, without folders
	ContentType string // as the client says; nobody has looked
	Size        int64

	spool  *spool
	offset int64
}

// Member implements value.Object.
func (u *Upload) Member(name string) (any, bool) {
	switch name {
	case "filename":
		return u.Filename, true
	case "content_type":
		return u.ContentType, true
	case "size":
		return u.Size, true
	}
	return nil, false
}

// Names implements value.Object.
func (u *Upload) Names() []string { return []string{"filename", "content_type", "size"} }

// Open reads the file from its beginning. It can be read until the request ends.
func (u *Upload) Open() io.ReadSeeker { return io.NewSectionReader(u.spool.file, u.offset, u.Size) }

// spool is the one temporary file that holds all files of a request, one behind the other.
type spool struct {
	file *os.File
	name string // what must be removed at the end; "" where it is gone already
	out  *bufio.Writer
	size int64
}

const spoolBuffer = 64 << 10

// newSpool makes the file, and takes its name away at once where the system allows it: then
// nothing is left behind even when the process is killed.
func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "gateway-upload-*")
	if err != nil {
		return nil, &Unavailable{What: "temporary file", Err: err}
	}
	s := &spool{file: f, out: bufio.NewWriterSize(f, spoolBuffer)}
	if os.Remove(f.Name()) != nil {
		s.name = f.Name()
	}
	return s, nil
}

// keep copies a file of the request behind those that are there.
func (s *spool) keep(from io.Reader) (offset, size int64, err error) {
	offset = s.size
	size, err = s.out.ReadFrom(spooled{from})
	if err == nil {
		err = s.out.Flush()
	}
	s.size += size
	return offset, size, err
}

// spooled tells errors of reading from those of writing.
type spooled struct{ io.Reader }

type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

// Read implements io.Reader.
func (s spooled) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = readError{err}
	}
	return n, err
}

func (s *spool) close() {
	s.file.Close()
	if s.name != "" {
		_ = os.Remove(s.name) // the system cleans its folder of temporary files in the end
	}
}
