package runstatetest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stagegate/stagegate/core/runstate"
)

func blobs(t *testing.T, open func() runstate.Store) {
	const hello = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	for range 2 { // storing again is no mistake
		digest, size, err := open().Blobs().Put(t.Context(), strings.NewReader("hello"))
		if err != nil || digest != hello || size != 5 {
			t.Fatalf("Put = %s, %d, %v", digest, size, err)
		}
	}
	f, err := open().Blobs().Open(hello)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.NewSectionReader(f, 1, 3))
	if err != nil || string(data) != "ell" {
		t.Errorf("read %q, %v", data, err)
	}
	for _, digest := range []string{"", "sha256:", hello[:70], strings.ToUpper(hello), "sha256:../../../etc/passwd", strings.Replace(hello, "2cf", "2ce", 1)} {
		if _, err := open().Blobs().Open(digest); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("Open(%q) = %v, want ErrNotFound", digest, err)
		}
	}
}

func brokenBlob(t *testing.T, open func() runstate.Store) {
	lost := errors.New("connection lost")
	if _, _, err := open().Blobs().Put(t.Context(), io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(lost))); !errors.Is(err, lost) {
		t.Errorf("Put of a broken reader = %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(lost)
	if _, _, err := open().Blobs().Put(ctx, strings.NewReader("hel")); !errors.Is(err, lost) {
		t.Errorf("Put with an ended context = %v", err)
	}
	const hel = "sha256:d6a81f224bbf2f7c22baddbd5d40730eb20cfb0b3d74e10cab61788214caceb1"
	if _, err := open().Blobs().Open(hel); !errors.Is(err, runstate.ErrNotFound) {
		t.Errorf("Open = %v", err)
	}
}
