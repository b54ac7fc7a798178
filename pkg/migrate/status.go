package migrate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// A State is what became of a migration.
type State string

// The states of a migration.
const (
	Ran     State = "up"
	Pending State = "pending"
	NoFile  State = "no file" // it ran, and its file is not here
)

// A Line is one version, in a folder or in a database.
type Line struct {
	Applied          // zero when it is pending
	Migration        // only the version when there is no file
	Version    int64 // of either
	State      State //
	Changed    bool  // the file is not the one that ran
	OutOfOrder bool  // it is pending, and a later one ran
}

// A Status is a database beside its folder, by version.
type Status []Line

// compare puts files and what ran beside each other.
func compare(files []Migration, applied []Applied) Status {
	byVersion := make(map[int64]*Line)
	line := func(version int64) *Line {
		if byVersion[version] == nil {
			byVersion[version] = &Line{Version: version}
		}
		return byVersion[version]
	}
	last := int64(-1)
	for _, a := range applied {
		l := line(a.Version)
		l.Applied, l.State = a, NoFile
		last = max(last, a.Version)
	}
	for _, m := range files {
		l := line(m.Version)
		l.Migration = m
		if l.State == "" {
			l.State, l.OutOfOrder = Pending, m.Version < last
			continue
		}
		l.State = Ran
		l.Changed = l.Checksum != "" && l.Checksum != m.Up.Checksum()
	}
	var s Status
	for _, l := range byVersion {
		s = append(s, *l)
	}
	slices.SortFunc(s, func(a, b Line) int { return cmp.Compare(a.Version, b.Version) })
	return s
}

// In lists the lines in a state.
func (s Status) In(state State) Status {
	return slices.DeleteFunc(slices.Clone(s), func(l Line) bool { return l.State != state })
}

// Title names the line as its files do.
func (l *Line) Title() string {
	if l.Name == "" {
		return fmt.Sprint(l.Version)
	}
	return l.Migration.String()
}

// String lists the lines by name, the first few of many.
func (s Status) String() string {
	const most = 5
	var names []string
	for i := range s[:min(len(s), most)] {
		names = append(names, s[i].Title())
	}
	if more := len(s) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// Warnings tells what is odd and stops nothing.
func (s Status) Warnings() []string {
	var out []string
	for i := range s {
		switch l := &s[i]; {
		case l.State == NoFile:
			out = append(out, fmt.Sprintf("%d ran and has no file here: the database is newer than this folder, or the file went", l.Version))
		case l.Changed:
			out = append(out, fmt.Sprintf("%s: the file was changed after it ran; a change belongs into a new migration", l.Up.Path))
		case l.OutOfOrder:
			out = append(out, fmt.Sprintf("%s comes before one that ran already", l.Up.Path))
		}
	}
	return out
}

// Status compares the folder with the database. It changes nothing.
func (r *Runner) Status(ctx context.Context) (Status, error) {
	l, err := find(ctx, r.Store, r.Store.Dialect())
	if err != nil {
		return nil, err
	}
	applied, err := l.applied(ctx, r.Store)
	return compare(r.Files, applied), err
}
