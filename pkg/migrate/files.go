// Package migrate brings a database to the form that an application needs: by files of SQL
// that run once each, in order, and are noted in a table of the database.
package migrate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Migration is one step of a database.
type Migration struct {
	Version int64 // the digits that its files begin with: a time in UTC, or a number
	Name    string
	Up      File
	Down    *File // undoes it; nil: it cannot be undone
}

// String names the migration as its files do.
func (m *Migration) String() string { return fmt.Sprintf("%d_%s", m.Version, m.Name) }

// A File is SQL in the words of its database. Lines at its top say how it runs.
type File struct {
	Path string
	SQL  string
	// NoTransaction: statement by statement, for what a database does in no transaction.
	NoTransaction bool
	// NoForeignKeys: SQLite looks at foreign keys once, at the end. What SQLite cannot alter
	// is made anew, and the old table must not take rows of others with it.
	NoForeignKeys bool
}

// Checksum tells whether a file is the one that ran. Line ends do not count.
func (f *File) Checksum() string {
	sum := sha256.Sum256([]byte(strings.ReplaceAll(f.SQL, "\r\n", "\n")))
	return hex.EncodeToString(sum[:])
}

// What the lines at the top of a file may say, after "-- gateway: ".
const (
	directive     = "-- gateway:"
	noTransaction = "no transaction"
	noForeignKeys = "no foreign keys"
)

const (
	maxFiles = 10_000  // in a folder
	maxSize  = 8 << 20 // of a file
)

// fileName reads VERSION_NAME.up.sql and VERSION_NAME.down.sql.
var fileName = regexp.MustCompile(`^([0-9]{1,18})_([A-Za-z0-9][A-Za-z0-9_-]*)\.(up|down)\.sql$`)

// Read reads the migrations of a folder, in order. What does not end in .sql is no
// migration, a folder that is not there has none. Every fault is told, and starts with its
// file.
func Read(dir string) ([]Migration, []error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, []error{fmt.Errorf("read migrations: %w", err)}
	}
	if len(entries) > maxFiles {
		return nil, []error{fmt.Errorf("%s: more than %d files", dir, maxFiles)}
	}
	r := reading{dir: dir, byVersion: map[int64]*Migration{}}
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".sql") {
			r.add(e.Name())
		}
	}
	var list []Migration
	for _, m := range r.byVersion {
		if m.Up.Path == "" {
			r.fault(m.Down.Path, "there is no up.sql beside it")
		}
		list = append(list, *m)
	}
	slices.SortFunc(list, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	slices.SortFunc(r.faults, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return list, r.faults
}

type reading struct {
	dir       string
	byVersion map[int64]*Migration
	faults    []error
}

func (r *reading) fault(path, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
}

func (r *reading) add(name string) {
	path := filepath.Join(r.dir, name)
	parts := fileName.FindStringSubmatch(name)
	if parts == nil {
		r.fault(path, "a migration is named VERSION_NAME.up.sql or VERSION_NAME.down.sql, such as 20250131120000_add_users.up.sql")
		return
	}
	version, _ := strconv.ParseInt(parts[1], 10, 64) // 18 digits fit
	m := r.byVersion[version]
	if m == nil {
		m = &Migration{Version: version, Name: parts[2]}
		r.byVersion[version] = m
	}
	if m.Name != parts[2] {
		r.fault(path, "version %d is also %s: one of them needs another", version, m)
		return
	}
	f, err := readFile(path)
	if err != nil {
		r.faults = append(r.faults, err)
	}
	switch {
	case parts[3] == "down" && m.Down == nil:
		m.Down = &f
	case parts[3] == "up" && m.Up.Path == "":
		m.Up = f
	default:
		r.fault(path, "version %d has two files like this", version) // 1_a and 01_a
	}
}

func readFile(path string) (File, error) {
	f := File{Path: path}
	info, err := os.Stat(path)
	if err != nil {
		return f, err
	}
	if info.Size() > maxSize {
		return f, fmt.Errorf("%s: larger than %d MB", path, maxSize>>20)
	}
	text, err := os.ReadFile(path)
	f.SQL = strings.TrimPrefix(string(text), "\ufeff")
	return f, errors.Join(err, f.directives())
}

// directives reads the comments that a file begins with.
func (f *File) directives() error {
	number := 0
	for line := range strings.Lines(f.SQL) {
		line = strings.TrimSpace(line)
		number++
		if line != "" && !strings.HasPrefix(line, "--") {
			return nil
		}
		said, ok := strings.CutPrefix(line, directive)
		if !ok {
			continue
		}
		switch strings.TrimSpace(said) {
		case noTransaction:
			f.NoTransaction = true
		case noForeignKeys:
			f.NoForeignKeys = true
		default:
			return fmt.Errorf("%s:%d: %q is neither %q nor %q", f.Path, number, strings.TrimSpace(said), noTransaction, noForeignKeys)
		}
	}
	return nil
}
