package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
)

// TestMayNotWrite opens files that this user may not write, as nobody where root runs it.
func TestMayNotWrite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.db")
	s := open(t, "sqlite:"+file, store.Options{})
	exec(t, s, "create table a (n integer)")
	s.Close()
	for _, path := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(file, 0o444); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, path := range []string{filepath.Dir(dir), dir} {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Error(err)
			}
		}
	})
	runtime.LockOSThread() // whose files these are is a matter of the thread
	defer runtime.UnlockOSThread()
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := syscall.Setfsuid(0); err != nil {
				t.Error(err)
			}
		}()
	}
	for _, path := range []string{file, filepath.Join(dir, "new.db"), filepath.Join(dir, "deeper", "new.db")} {
		s, err := sqlite.Open(t.Context(), "sqlite:"+path, store.Options{})
		if err == nil {
			s.Close()
			t.Errorf("%s was opened", path)
			continue
		}
		var unavailable *store.Unavailable
		if !errors.As(err, &unavailable) && !errors.Is(err, os.ErrPermission) || !strings.HasPrefix(err.Error(), "open sqlite store: ") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
