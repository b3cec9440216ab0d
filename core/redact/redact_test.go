package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/redact"
)

const secret = "hunter2-/+?&<swordfish>"

// through sends chunks through a stream.
func through(t testing.TB, r *redact.Redactor, chunks ...string) string {
	t.Helper()
	var out strings.Builder
	s := r.Stream(func(p []byte) error { out.Write(p); return nil })
	for _, chunk := range chunks {
		if n, err := s.Write([]byte(chunk)); err != nil || n != len(chunk) {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func knowing(t testing.TB, secrets ...string) *redact.Redactor {
	t.Helper()
	r := redact.New()
	for _, s := range secrets {
		if err := r.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// shown are the ways in which a secret shows up in output.
func shown(s string) map[string]string {
	quoted, _ := json.Marshal(s)
	forms := map[string]string{
		"plain":       s,
		"hex":         hex.EncodeToString([]byte(s)),
		"upper hex":   strings.ToUpper(hex.EncodeToString([]byte(s))),
		"query":       url.QueryEscape(s),
		"path":        url.PathEscape(s),
		"lower query": lowerPercent(url.QueryEscape(s)),
		"json":        string(quoted[1 : len(quoted)-1]),
	}
	for shift := range 3 {
		// What stands before and after shares characters with the secret's ends.
		around := strings.Repeat("\xff", shift) + s + "\xff\xff"
		forms[fmt.Sprintf("base64 %d", shift)] = base64.StdEncoding.EncodeToString([]byte(around))
		forms[fmt.Sprintf("base64url %d", shift)] = base64.URLEncoding.EncodeToString([]byte(around))
	}
	return forms
}

func lowerPercent(s string) string {
	parts := strings.Split(s, "%")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToLower(parts[i][:2]) + parts[i][2:]
	}
	return strings.Join(parts, "%")
}

// hides reports whether a form is masked, up to a few characters: the ends of a
// base64 text belong in part to its neighbours.
func hides(out, form string) bool {
	if strings.Contains(out, form) || !strings.Contains(out, redact.Mask) {
		return false
	}
	rest := strings.ReplaceAll(out, redact.Mask, "")
	return len(rest) <= len("before [")+len("] after")+8
}

func TestEveryFormSplitAnywhere(t *testing.T) {
	t.Parallel()
	for name, form := range shown(secret) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := knowing(t, secret)
			text := "before [" + form + "] after"
			for at := range len(text) + 1 {
				for _, then := range []int{0, 1, 7} {
					second := min(at+then, len(text))
					out := through(t, r, text[:at], text[at:second], text[second:])
					if !hides(out, form) || !strings.HasPrefix(out, "before [") || !strings.HasSuffix(out, "] after") {
						t.Fatalf("split at %d and %d: %q", at, second, out)
					}
				}
			}
			bytewise := strings.Split(text, "")
			if out := through(t, r, bytewise...); !hides(out, form) {
				t.Errorf("byte by byte: %q", out)
			}
		})
	}
}

func TestLinesOfASecret(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\r\nBCIEIHdvbmRlcg\nab\n-----END KEY-----\n"
	r := knowing(t, key)
	tests := []struct{ name, in, want string }{
		{"all of it", "x" + key + "y", "x***y"},
		{"one line", "log: MC4CAQAwBQYDK2Vw end", "log: *** end"},
		{"another, indented", "    BCIEIHdvbmRlcg\n", "    ***\n"},
		{"a short line alone is a word", "ab", "ab"},
		{"a line in base64", "TUM0Q0FRQXdCUVlESzJWdw==", "***w=="}, // the last character holds bits of what follows
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := through(t, r, tt.in)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLongSecretSplitAnywhere(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	long := make([]byte, 1000)
	for i := range long {
		long[i] = byte('a' + rng.IntN(26))
	}
	r := knowing(t, string(long))
	text := "<" + string(long) + ">"
	for at := range len(text) {
		if got := through(t, r, text[:at], text[at:]); got != "<***>" {
			t.Fatalf("split at %d: %q", at, got)
		}
	}
}

func TestOverlapAndTouch(t *testing.T) {
	t.Parallel()
	r := knowing(t, "abcdefgh", "efghijkl", "abcdef", "mnopqr")
	for in, want := range map[string]string{
		"-abcdefghijkl-": "-***-", // overlapping
		"-abcdefmnopqr-": "-***-", // touching
		"-abcdef-":       "-***-", // the shorter of two with one beginning
		"-abcdef mnopqr": "-*** ***",
		"-abcdeg-":       "-abcdeg-",
		"abcdeabcdef":    "abcde***",
		"":               "",
	} {
		for at := range len(in) + 1 {
			if got := through(t, r, in[:at], in[at:]); got != want {
				t.Errorf("%q split at %d: %q, want %q", in, at, got, want)
			}
		}
		if got := r.Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShortValuesAreRefused(t *testing.T) {
	t.Parallel()
	r := redact.New()
	for _, short := range []string{"", "a", "12345", "  abc  \n"} {
		var tooShort *redact.TooShortError
		if err := r.Add(short); !errors.As(err, &tooShort) {
			t.Errorf("Add(%q) = %v, want a *TooShortError", short, err)
		}
	}
	if got := r.Text("12345"); got != "12345" {
		t.Errorf("Text = %q", got)
	}
}

func TestHoldsBackNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	r := knowing(t, "swordfish")
	var out strings.Builder
	s := r.Stream(func(p []byte) error { out.Write(p); return nil })
	steps := []struct{ write, want string }{
		{"progress: 10%", "progress: 10%"},
		{"\nthe sw", "progress: 10%\nthe "},
		{"an", "progress: 10%\nthe swan"},
		{" sword", "progress: 10%\nthe swan "},
		{"fish.", "progress: 10%\nthe swan ***."},
	}
	for _, step := range steps {
		if _, err := s.Write([]byte(step.write)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, out.String()); diff != "" {
			t.Fatalf("after %q (-want +got):\n%s", step.write, diff)
		}
	}
}

func TestSecretsAddedLater(t *testing.T) {
	t.Parallel()
	r := redact.New()
	var out strings.Builder
	s := r.Stream(func(p []byte) error { out.Write(p); return nil })
	_, _ = s.Write([]byte("swordfish "))
	if err := errors.Join(r.Add("swordfish"), r.Add("swordfish")); err != nil {
		t.Fatal(err)
	}
	_, _ = s.Write([]byte("swordfish"))
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "swordfish ***"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestErrorsOfNext(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for _, r := range []*redact.Redactor{redact.New(), knowing(t, "swordfish")} {
		s := r.Stream(func([]byte) error { return full })
		if _, err := s.Write([]byte("hello")); !errors.Is(err, full) {
			t.Errorf("Write = %v", err)
		}
	}
	s := knowing(t, "swordfish").Stream(func([]byte) error { return full })
	if _, err := s.Write([]byte("sword")); err != nil {
		t.Errorf("Write = %v, want nothing handed on yet", err)
	}
	if err := s.Flush(); !errors.Is(err, full) {
		t.Errorf("Flush = %v", err)
	}
}

func TestNoSecretsCopiesNothing(t *testing.T) {
	t.Parallel()
	in := []byte("hello")
	var got []byte
	s := redact.New().Stream(func(p []byte) error { got = p; return nil })
	if _, err := s.Write(in); err != nil || &got[0] != &in[0] {
		t.Errorf("Write = %v; the bytes were copied", err)
	}
}

// FuzzRedactor checks that no secret shows, however the text is split, and that
// what holds none of it is untouched.
func FuzzRedactor(f *testing.F) {
	f.Add("swordfish", "hunter2", "the swordfish and hunter2", uint8(3))
	f.Add("aaaaaa", "aaaaaaaa", strings.Repeat("a", 50), uint8(1))
	f.Add(strings.Repeat("abc", 60), "bcabca", strings.Repeat("abc", 61), uint8(63))
	f.Add("line one\nline two", "two\nli", "line one\nline two\nline one", uint8(5))
	f.Fuzz(func(t *testing.T, a, b, text string, size uint8) {
		r := redact.New()
		var known []string
		for _, s := range []string{a, b} {
			if r.Add(s) == nil {
				known = append(known, s)
			}
		}
		var chunks []string
		for rest := text; rest != ""; {
			n := min(int(size)+1, len(rest))
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		out := through(t, r, chunks...)
		if whole := r.Text(text); out != whole {
			t.Errorf("in chunks %q, whole %q", out, whole)
		}
		for _, s := range known {
			// A mask can complete a secret that has stars of its own.
			if !strings.Contains(s, "*") && strings.Contains(out, s) {
				t.Errorf("%q shows in %q", s, out)
			}
		}
		for _, s := range known {
			for name, form := range shown(s) {
				// The ends of a base64 text belong in part to what is around it.
				if masked := r.Text(form); strings.Contains(masked, form) && !strings.Contains(s, "*") {
					t.Errorf("%s of %q shows as %q", name, s, masked)
				}
			}
		}
		if len(known) == 0 && out != text {
			t.Errorf("nothing to hide, but %q became %q", text, out)
		}
	})
}

func BenchmarkStream(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 7))
	chunk := make([]byte, 0, 32<<10)
	for len(chunk) < 32<<10-100 {
		chunk = fmt.Appendf(chunk, "step %d: loss %.4f, accuracy %.3f, reading /data/shard-%05d.bin\n", rng.IntN(1e6), rng.Float64(), rng.Float64(), rng.IntN(1e5))
	}
	for _, n := range []int{0, 1, 50, 200} {
		b.Run(fmt.Sprintf("secrets=%d", n), func(b *testing.B) {
			r := redact.New()
			for range n {
				key := make([]byte, 30)
				for i := range key {
					key[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[rng.IntN(62)]
				}
				if err := r.Add(string(key)); err != nil {
					b.Fatal(err)
				}
			}
			s := r.Stream(func([]byte) error { return nil })
			b.SetBytes(int64(len(chunk)))
			for b.Loop() {
				if _, err := s.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
