package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/openmanifest/gateway/pkg/app"
)

// How files are watched: an editor writes in several steps, so a change counts when it has
// been quiet for a while; where no event comes (network file systems, some mounts) a slow
// look finds it.
const (
	quietTime = 150 * time.Millisecond
	lookEvery = 5 * time.Second
	maxFiles  = 10_000 // watched at most
)

// fileSet is what an application was made from: files, folders with all they hold, globs.
// Assets are folders that pages are shown anew for. It does not change once it is made.
type fileSet struct{ files, folders, globs, assets map[string]bool }

func (s *Server) watchSet(l *app.Loaded) fileSet {
	out := filesOf(l, s.options.Path)
	if l.Manifest != nil && l.Manifest.ReloadsPages(s.options.Dev) {
		for _, dir := range assetFolders(l) {
			out.assets[dir] = true
		}
	}
	return out
}

// filesOf is what the manifest at path was made from.
func filesOf(l *app.Loaded, path string) fileSet {
	s := fileSet{files: map[string]bool{path: true}, folders: map[string]bool{}, globs: map[string]bool{}, assets: map[string]bool{}}
	if l.Manifest == nil {
		return s
	}
	doc := l.Manifest.Document
	for _, f := range doc.Files {
		s.files[f.Path] = true
	}
	for _, g := range doc.Globs {
		s.globs[g] = true
	}
	s.folders[filepath.Join(doc.Dir, app.TemplatesDir)] = true
	resolve := resolver(l.Manifest)
	for _, st := range l.Manifest.Stores {
		if dir := st.Value.Migrations; dir != "" {
			s.folders[resolve(dir)] = true
		}
	}
	for _, f := range l.Manifest.Endpoint.TLS.Files() {
		s.files[resolve(f)] = true
	}
	if l.App != nil {
		for _, f := range l.App.Env.Files.All() {
			s.files[f] = true
		}
	}
	return s
}

// with gives a set of both. Neither is changed: the one that watches may be reading it.
func (s fileSet) with(other fileSet) fileSet {
	out := fileSet{files: maps.Clone(s.files), folders: maps.Clone(s.folders), globs: maps.Clone(s.globs), assets: maps.Clone(s.assets)}
	maps.Copy(out.files, other.files)
	maps.Copy(out.folders, other.folders)
	maps.Copy(out.globs, other.globs)
	maps.Copy(out.assets, other.assets)
	return out
}

// fingerprint tells the contents of all files, by path. A link counts by what it points
// at: Kubernetes swaps a folder by one.
func (s *fileSet) fingerprint() map[string]string {
	out := map[string]string{}
	for f := range s.files {
		out[f] = hashOf(f)
	}
	for g := range s.globs {
		matches, err := filepath.Glob(g)
		if err != nil {
			continue // the loader has reported the pattern
		}
		for _, f := range matches {
			out[f] = hashOf(f)
		}
	}
	for dir := range s.folders {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && len(out) < maxFiles {
				out[path] = hashOf(path)
			}
			return nil // a folder that cannot be read holds nothing that is used
		})
	}
	s.stampAssets(out)
	return out
}

// stampAssets adds the assets, which may be large, by size and time.
func (s *fileSet) stampAssets(out map[string]string) {
	for dir := range s.assets {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || len(out) >= maxFiles || out[path] != "" {
				return nil
			}
			if info, err := os.Stat(path); err == nil {
				out[path] = fmt.Sprintf("%s%d %d", stamp, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
}

// stamp begins what fingerprint tells of an asset.
const stamp = "asset "

func joined(a, b map[string]bool) map[string]bool {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func hashOf(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "missing"
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// dirs lists the folders to watch: of folders, never of files, which editors replace.
func (s *fileSet) dirs() []string {
	set := map[string]bool{}
	for f := range s.files {
		set[filepath.Dir(f)] = true
		if real, err := filepath.EvalSymlinks(f); err == nil {
			set[filepath.Dir(real)] = true
		}
	}
	for g := range s.globs {
		set[filepath.Dir(g)] = true
	}
	for dir := range joined(s.folders, s.assets) {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && len(set) < maxFiles {
				set[path] = true
			}
			return nil
		})
	}
	return slices.Sorted(maps.Keys(set))
}

// watch reloads when a file changes, until ctx ends.
func (s *Server) watch(ctx context.Context) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		s.log.Warn("watching by looking every 5s", "error", err)
		w = &fsnotify.Watcher{}
	} else {
		defer w.Close()
	}
	s.mu.Lock()
	watched, last := s.watched, s.seen
	s.mu.Unlock()
	follow(w, watched)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	quiet := time.NewTimer(quietTime) // what changed since the start has sent no event
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-w.Events:
			if !e.Has(fsnotify.Chmod) || e.Op != fsnotify.Chmod {
				quiet.Reset(quietTime)
			}
			continue
		case <-w.Errors:
			quiet.Reset(quietTime) // events were lost: look
			continue
		case <-look.C:
		case <-quiet.C:
		}
		last = s.reloadChanged(last)
		s.mu.Lock()
		watched = s.watched
		s.mu.Unlock()
		follow(w, watched)
	}
}

// reloadChanged reloads when contents differ from last, and gives what they are now.
func (s *Server) reloadChanged(last map[string]string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.watched.fingerprint()
	changed, assets := differences(last, now)
	if len(changed) == 0 {
		if len(assets) > 0 {
			s.operations.pages.assets(assets)
		}
		return now
	}
	_ = s.reload(changed) // it has been logged; the running manifest stays
	after := s.watched.fingerprint()
	for path := range after {
		if before, ok := now[path]; ok {
			after[path] = before // what changed while it was read is a change to come
		}
	}
	return after
}

// differences lists what changed: of what the application was made from, and of assets.
func differences(last, now map[string]string) (changed, assets []string) {
	note := func(path, print string) {
		if strings.HasPrefix(print, stamp) {
			assets = append(assets, path)
		} else {
			changed = append(changed, path)
		}
	}
	for path, print := range now {
		if last[path] != print {
			note(path, print)
		}
	}
	for path, print := range last {
		if _, ok := now[path]; !ok {
			note(path, print)
		}
	}
	slices.Sort(changed)
	slices.Sort(assets)
	return changed, assets
}

// follow watches the folders that hold what is used now.
func follow(w *fsnotify.Watcher, s fileSet) {
	if w.Events == nil {
		return
	}
	known := w.WatchList()
	dirs := s.dirs()
	for _, d := range dirs {
		if !slices.Contains(known, d) {
			_ = w.Add(d) // one that cannot be watched is found by the slow look
		}
	}
	for _, d := range known {
		if !slices.Contains(dirs, d) {
			_ = w.Remove(d)
		}
	}
}
