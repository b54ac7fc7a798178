package tlscert

import (
	"context"
	"errors"
	"testing"

	"github.com/caddyserver/certmagic"
)

func TestAClosedStorageIsReadAndNotWritten(t *testing.T) {
	ctx := context.Background()
	s := &storage{Storage: &certmagic.FileStorage{Path: t.TempDir()}}
	if err := errors.Join(s.Store(ctx, "a", []byte("1")), s.Lock(ctx, "l"), s.Unlock(ctx, "l")); err != nil {
		t.Fatal(err)
	}
	s.close()
	if err := s.Store(ctx, "a", []byte("2")); !errors.Is(err, errClosed) {
		t.Errorf("stored: %v", err)
	}
	if err := s.Lock(ctx, "l"); !errors.Is(err, errClosed) {
		t.Errorf("locked: %v", err)
	}
	if got, err := s.Load(ctx, "a"); err != nil || string(got) != "1" {
		t.Errorf("loaded %q, %v", got, err)
	}
}
