package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk"
)

// pull stores content in a registry and reads it back over a wrapped one.
func pull(t *testing.T, raw []byte, wrap ocitest.Wrap, change func(*RegistryOptions)) ([]byte, error) {
	t.Helper()
	var wrapped atomic.Bool
	server, _ := serve(t, func(next http.Handler) http.Handler {
		other := wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if wrapped.Load() && req.Method == http.MethodGet {
				other.ServeHTTP(w, req)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	if _, err := connect(t, server, nil).Blob(t.Context(), large(raw)); err != nil {
		t.Fatal(err)
	}
	wrapped.Store(true)
	r := connect(t, server, change)
	hurry(r)
	var to bytes.Buffer
	src := r.Source("weights", ocispec.Descriptor{Digest: digest.FromBytes(raw), Size: int64(len(raw))})
	_, err := transfer(t.Context(), src, &to, "fetching weights", nil)
	return to.Bytes(), err
}

// breaking sends so many bytes of each of the first answers, and then ends the
// connection.
func breaking(times int32, after int64, ranges *[]string) ocitest.Wrap {
	var asked atomic.Int32
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			*ranges = append(*ranges, req.Header.Get("Range"))
			if asked.Add(1) <= times {
				w = &breakingWriter{ResponseWriter: w, left: after}
			}
			next.ServeHTTP(w, req)
		})
	}
}

type breakingWriter struct {
	http.ResponseWriter
	left int64
}

func (b *breakingWriter) Write(p []byte) (int, error) {
	if int64(len(p)) >= b.left {
		_, _ = b.ResponseWriter.Write(p[:b.left])
		_ = http.NewResponseController(b.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	b.left -= int64(len(p))
	return b.ResponseWriter.Write(p)
}

func TestDownloadGoesOnAfterACut(t *testing.T) {
	t.Parallel()
	raw := random(5<<20 + 1)
	var ranges []string
	got, err := pull(t, raw, breaking(2, 1<<20, &ranges), nil)
	if err != nil || !bytes.Equal(got, raw) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	end := fmt.Sprint("-", len(raw)-1)
	if want := []string{"", "bytes=1048576" + end, "bytes=2097152" + end}; fmt.Sprint(ranges) != fmt.Sprint(want) {
		t.Errorf("ranges %q, want %q", ranges, want)
	}
}

// Without ranges it starts again, and what was there already is passed over.
func TestDownloadWithoutRanges(t *testing.T) {
	t.Parallel()
	raw := random(3 << 20)
	var ranges []string
	cut := breaking(1, 1<<20, &ranges)
	got, err := pull(t, raw, func(next http.Handler) http.Handler {
		return cut(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			req.Header.Del("Range")
			next.ServeHTTP(w, req)
		}))
	}, nil)
	if err != nil || !bytes.Equal(got, raw) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestDownloadFails(t *testing.T) {
	t.Parallel()
	raw := random(3 << 20)
	forge := func(do func(w http.ResponseWriter, req *http.Request)) ocitest.Wrap {
		return func(http.Handler) http.Handler { return http.HandlerFunc(do) }
	}
	for name, tc := range map[string]struct {
		wrap      ocitest.Wrap
		class     string
		transient bool
	}{
		"truncated": {breaking(100, 0, new([]string)), "registry_truncated", true},
		"shorter":   {forge(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(raw[:100]) }), "registry_corrupt", false},
		"gone":      {forge(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }), "registry_failed", false},
		"denied":    {forge(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }), "registry_denied", false},
		"busy": {forge(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9000")
			w.WriteHeader(http.StatusServiceUnavailable)
		}), "registry_unavailable", true},
		"stalls": {forge(func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
			_, _ = w.Write(raw[:10])
			_ = http.NewResponseController(w).Flush()
			<-req.Context().Done()
		}), "registry_stalled", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pull(t, raw, tc.wrap, func(o *RegistryOptions) { o.Patience = 300 * time.Millisecond })
			var f *sdk.Failure
			if !errors.As(err, &f) || f.Class != tc.class || f.Transient != tc.transient || f.Detail == "" {
				t.Errorf("%v (%+v)", err, f)
			}
		})
	}
}

// The right number of other bytes is found out at the end.
func TestDownloadLie(t *testing.T) {
	t.Parallel()
	raw, other := random(3<<20), bytes.Repeat([]byte("x"), 3<<20)
	_, err := pull(t, raw, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, bytes.NewReader(other)) })
	}, nil)
	var changed *ChangedError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), digest.FromBytes(other).String()) {
		t.Error(err)
	}
}

func TestDownloadIsCancelled(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	server, _ := serve(t, nil)
	raw := random(9 << 20)
	if _, err := connect(t, server, nil).Blob(t.Context(), large(raw)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	src := connect(t, server, nil).Source("weights", ocispec.Descriptor{Digest: digest.FromBytes(raw), Size: int64(len(raw))})
	body, err := src.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel(stop)
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, stop) {
		t.Errorf("error %v, want the cause", err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}
