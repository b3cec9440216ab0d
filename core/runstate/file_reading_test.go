package runstate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/runstate"
)

func TestLookFileStoreMakesNothing(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	if _, _, err := runstate.LookFileStore(home); !errors.Is(err, runstate.ErrNotFound) {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat(home); err == nil {
		t.Error("the folder was made")
	}
}

func TestLookFileStoreReadsAndRefusesToWrite(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	store, err := runstate.OpenFileStore(runstate.FileOptions{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	digest, _, err := store.Blobs().Put(t.Context(), strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := store.Results().Secret()
	if err != nil {
		t.Fatal(err)
	}
	blobs, results, err := runstate.LookFileStore(home)
	if err != nil {
		t.Fatal(err)
	}
	f, err := blobs.Open(digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := results.Secret(); err != nil || string(again) != string(secret) {
		t.Errorf("secret: %v", err)
	}
	_, _, putErr := blobs.Put(t.Context(), strings.NewReader("more"))
	_, pruneErr := results.Prune(runstate.ResultLimits{Count: 1, Now: time.Now()})
	for what, err := range map[string]error{
		"a blob": putErr, "a result": results.Put(runstate.Result{}), "a use": results.Use("scope", "stage", digest), "pruning": pruneErr,
	} {
		if err == nil {
			t.Errorf("%s was not refused", what)
		}
	}
	// Not even a secret that is damaged is made again.
	if err := os.WriteFile(filepath.Join(home, "results", "secret"), []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := results.Secret(); err == nil {
		t.Error("a damaged secret was taken or made anew")
	}
}
