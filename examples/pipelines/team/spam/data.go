package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Message is something that somebody has received.
type Message struct {
	Spam bool
	Text string
}

// load opens the messages: they are people's own, so the repository has them
// sealed.
func load(path, key string) ([]Message, error) {
	sealed, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	plain, err := Open(sealed, key)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	var out []Message
	for line := range strings.Lines(string(plain)) {
		kind, text, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || kind != "spam" && kind != "fine" {
			return nil, fmt.Errorf("open %s: a line begins with neither spam nor fine", path)
		}
		out = append(out, Message{Spam: kind == "spam", Text: text})
	}
	return out, nil
}

// split keeps every third message from training.
func split(messages []Message) (known, unseen []Message) {
	for i, m := range messages {
		if i%3 == 2 {
			unseen = append(unseen, m)
		} else {
			known = append(known, m)
		}
	}
	return known, unseen
}

// Seal encrypts and authenticates.
func Seal(plain []byte, key string) ([]byte, error) {
	gcm, err := sealer(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	text := base64.StdEncoding.EncodeToString(gcm.Seal(nonce, nonce, plain, nil))
	var out strings.Builder
	for ; len(text) > 100; text = text[100:] {
		out.WriteString(text[:100] + "\n")
	}
	return []byte(out.String() + text + "\n"), nil
}

// Open is the way back.
func Open(sealed []byte, key string) ([]byte, error) {
	gcm, err := sealer(key)
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(sealed), "\n", ""))
	if err != nil || len(raw) < gcm.NonceSize() {
		return nil, errors.New("it is not sealed")
	}
	return gcm.Open(nil, raw[:gcm.NonceSize()], raw[gcm.NonceSize():], nil)
}

func sealer(key string) (cipher.AEAD, error) {
	if key == "" {
		return nil, errors.New("DATA_KEY is empty")
	}
	sum := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
