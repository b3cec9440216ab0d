package encryption

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/opencontainers/go-digest"
	"golang.org/x/crypto/ssh"
)

func random(t *testing.T, n int) []byte {
	t.Helper()
	raw := make([]byte, n)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	return raw
}

// keyPair is a recipient and what opens for it.
func keyPair(t *testing.T) (Recipient, Identities) {
	t.Helper()
	secret, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return pair(t, secret.Recipient().String(), secret.String())
}

func pair(t *testing.T, public, secret string) (Recipient, Identities) {
	t.Helper()
	r, err := ParseRecipient(public)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := ParseIdentities([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return r, ids
}

func read(t *testing.T, e *Envelope, offset int64) []byte {
	t.Helper()
	r, err := e.OpenAt(t.Context(), offset)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return raw
}

// age's own reader opens what is made here, whatever its size.
func TestEnvelopeIsAge(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, batch * chunkSize, batch*chunkSize + 1, 5*batch*chunkSize - 3} {
		plain := random(t, size)
		to, ids := keyPair(t)
		e, err := Seal(t.Context(), []Recipient{to}, Command{}, int64(size), Bytes(plain))
		if err != nil {
			t.Fatal(err)
		}
		sealed := read(t, e, 0)
		if int64(len(sealed)) != e.Size() {
			t.Errorf("%d bytes became %d, not %d as foretold", size, len(sealed), e.Size())
		}
		opened, err := ids.Reader(bytes.NewReader(sealed))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(opened)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if d, err := e.Plain(); err != nil || d != digest.FromBytes(plain) {
			t.Errorf("%d bytes: digest %s, %v", size, d, err)
		}
		at, n, err := ids.ReaderAt(bytes.NewReader(sealed), e.Size())
		if err != nil || n != int64(size) {
			t.Fatalf("%d bytes: %d at random, %v", size, n, err)
		}
		if size > 10 {
			piece := make([]byte, 7)
			if _, err := at.ReadAt(piece, int64(size)-9); err != nil || !bytes.Equal(piece, plain[size-9:size-2]) {
				t.Errorf("%d bytes: a piece differs: %v", size, err)
			}
		}
	}
}

// It has the same bytes each time, from whatever offset it is read.
func TestEnvelopeIsReadAgain(t *testing.T) {
	t.Parallel()
	plain := random(t, 3*batch*chunkSize+11)
	to, _ := keyPair(t)
	e, err := Seal(t.Context(), []Recipient{to}, Command{}, int64(len(plain)), Bytes(plain))
	if err != nil {
		t.Fatal(err)
	}
	whole := read(t, e, 0)
	head := int64(len(e.head))
	for _, offset := range []int64{
		0, 1, head - 1, head, head + 1, head + chunkSize + overhead - 1, head + chunkSize + overhead, head + chunkSize + overhead + 1,
		e.Size() / 2, e.Size() - 1, e.Size(),
	} {
		if got := read(t, e, offset); !bytes.Equal(got, whole[offset:]) {
			t.Errorf("from %d: %d bytes, not those that were there", offset, len(got))
		}
	}
	if d, err := e.Plain(); err != nil || d != digest.FromBytes(plain) {
		t.Errorf("digest %s, %v", d, err)
	}
	other, err := Seal(t.Context(), []Recipient{to}, Command{}, int64(len(plain)), Bytes(plain))
	if err != nil {
		t.Fatal(err)
	}
	if again := read(t, other, 0); bytes.Equal(again[head:head+1000], whole[head:head+1000]) {
		t.Error("two envelopes have the same key")
	}
}

func TestWeightsThatChange(t *testing.T) {
	t.Parallel()
	to, _ := keyPair(t)
	for name, plain := range map[string][]byte{"shorter": random(t, 99), "longer": random(t, 101)} {
		e, err := Seal(t.Context(), []Recipient{to}, Command{}, 100, Bytes(plain))
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.OpenAt(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A flipped bit, a lost end and another key do not open.
func TestDamage(t *testing.T) {
	t.Parallel()
	plain := random(t, 3*chunkSize)
	to, ids := keyPair(t)
	_, others := keyPair(t)
	e, err := Seal(t.Context(), []Recipient{to}, Command{}, int64(len(plain)), Bytes(plain))
	if err != nil {
		t.Fatal(err)
	}
	sealed := read(t, e, 0)
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-chunkSize] ^= 1
	for name, raw := range map[string][]byte{"flipped": flipped, "cut": sealed[:len(e.head)+2*(chunkSize+overhead)]} {
		r, err := ids.Reader(bytes.NewReader(raw))
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err == nil {
			t.Errorf("%s: it opens", name)
		}
	}
	if _, err := others.Reader(bytes.NewReader(sealed)); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), "X25519") {
		t.Errorf("another key: %v", err)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ public, secret string }{
		"hybrid": {hybrid.Recipient().String(), hybrid.String()},
		"ssh":    {string(ssh.MarshalAuthorizedKey(key)), string(pem.EncodeToMemory(block))},
	} {
		to, ids := pair(t, tc.public, tc.secret)
		e, err := Seal(t.Context(), []Recipient{to}, Command{}, 5, Bytes([]byte("hello")))
		if err != nil {
			t.Fatal(err)
		}
		r, err := ids.Reader(bytes.NewReader(read(t, e, 0)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != "hello" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if name == "ssh" && to.Fingerprint != ssh.FingerprintSHA256(key) {
			t.Errorf("fingerprint %s", to.Fingerprint)
		}
	}
	ordinary, _ := keyPair(t)
	strong, _ := pair(t, hybrid.Recipient().String(), hybrid.String())
	if err := CheckRecipients([]Recipient{ordinary, strong}); err == nil {
		t.Error("hybrid recipients are mixed with others")
	}
	if err := CheckRecipients([]Recipient{strong, strong}); err != nil {
		t.Error(err)
	}
}

func TestRecipientsRefused(t *testing.T) {
	t.Parallel()
	secret, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "me@example.com", "age1", "age1xyz", "ssh-ed25519 AAAA", "ssh-dss AAAA", secret.String(), "age1pq1x", "age1tag1x", "age1yubikey1x"} {
		_, err := ParseRecipient(text)
		if err == nil {
			t.Errorf("%q is taken", text)
		} else if strings.Contains(err.Error(), "SECRET-KEY-1") {
			t.Errorf("the secret key is shown: %v", err)
		}
	}
	for _, content := range []string{"", "# nothing\n", "age1xyz\n"} {
		if _, err := ParseRecipients([]byte(content)); err == nil {
			t.Errorf("%q is taken", content)
		}
	}
	got, err := ParseRecipients([]byte("# me\n\n" + secret.Recipient().String() + "\n"))
	if err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "AGE-SECRET-KEY-1XYZ", "hunter2"} {
		if _, err := ParseIdentities([]byte(text)); err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "XYZ") {
			t.Errorf("identity %q: %v", text, err)
		}
	}
}

// kms writes a program that wraps by exclusive or with a byte, in base64.
func kms(t *testing.T, body string) Command {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kms")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Command{Args: []string{file}, Key: "alias/models", Dir: t.TempDir(), AttemptID: t.Name()}
}

func TestKMS(t *testing.T) {
	t.Parallel()
	plain := random(t, 2*chunkSize+5)
	e, err := Seal(t.Context(), nil, kms(t, `printf wrapped:; base64 | tr A-Za-z N-ZA-Mn-za-m`), int64(len(plain)), Bytes(plain))
	if err != nil {
		t.Fatal(err)
	}
	sealed := read(t, e, 0)
	if !bytes.Contains(sealed[:len(e.head)], []byte("stagegate.dev/kms alias/models\n")) {
		t.Errorf("header: %s", e.head)
	}
	ids := Unwrapping(t.Context(), kms(t, `tail -c +9 | tr A-Za-z N-ZA-Mn-za-m | base64 -d`))
	at, n, err := ids.ReaderAt(bytes.NewReader(sealed), e.Size())
	if err != nil || n != int64(len(plain)) {
		t.Fatalf("%d, %v", n, err)
	}
	got := make([]byte, 10)
	if _, err := at.ReadAt(got, chunkSize-5); err != nil || !bytes.Equal(got, plain[chunkSize-5:chunkSize+5]) {
		t.Errorf("%v", err)
	}
	wrong := kms(t, "cat")
	wrong.Key = "alias/other"
	if _, _, err := Unwrapping(t.Context(), wrong).ReaderAt(bytes.NewReader(sealed), e.Size()); !errors.Is(err, ErrNoKey) {
		t.Errorf("another key: %v", err)
	}
}

// What a KMS does wrong is said, and the key is in no message.
func TestKMSFails(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"cat":                           "wraps nothing",
		"cat >/dev/null":                "printed nothing",
		"echo AccessDenied >&2; exit 4": "exit code 4: AccessDenied",
		"cat >&2; exit 1":               "the key in them",
		"base64 >&2; exit 1":            "***",
		"exit 3":                        "it says nothing",
		"head -c 100000 /dev/zero":      "more than",
	} {
		_, err := Seal(t.Context(), nil, kms(t, body), 0, Bytes(nil))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	missing := Command{Args: []string{"/nowhere/kms"}, Key: "k", Dir: t.TempDir(), AttemptID: t.Name()}
	if _, err := Seal(t.Context(), nil, missing, 0, Bytes(nil)); err == nil {
		t.Error("a KMS that is not there")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cancel(stop)
	if _, err := Seal(ctx, nil, kms(t, "sleep 60"), 0, Bytes(nil)); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}
