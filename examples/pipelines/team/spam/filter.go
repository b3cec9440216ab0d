package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
)

// size is how many weights a filter has.
const size = 512

// Filter is a perceptron: a weight for each word, by the word's hash.
type Filter struct{ Weights [size]float32 }

// Spam reports whether a message is taken for one.
func (f *Filter) Spam(text string) bool {
	var sum float32
	for _, i := range places(text) {
		sum += f.Weights[i]
	}
	return sum > 0
}

// Learn corrects the filter where it is wrong.
func (f *Filter) Learn(m Message) {
	if f.Spam(m.Text) == m.Spam {
		return
	}
	step := float32(-1)
	if m.Spam {
		step = 1
	}
	for _, i := range places(m.Text) {
		f.Weights[i] += step
	}
}

func places(text string) []uint32 {
	var out []uint32
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(strings.Trim(word, ".,!?"))) // it never fails
		out = append(out, h.Sum32()%size)
	}
	return out
}

// header is that of the only safetensors file that a filter has.
func header() []byte {
	text := fmt.Appendf(nil, `{"weights":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}`, size, 4*size)
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
}

// Encode is the filter as a safetensors file.
func (f *Filter) Encode() []byte {
	out := bytes.NewBuffer(header())
	_ = binary.Write(out, binary.LittleEndian, f.Weights) // to memory: it never fails
	return out.Bytes()
}

// read takes a filter from a file, and refuses any but the one that is meant.
func read(path, digest string) (*Filter, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(file)
	if got := "sha256:" + hex.EncodeToString(sum[:]); digest != "" && got != digest {
		return nil, fmt.Errorf("read %s: its digest is %s, and not %s", path, got, digest)
	}
	body, ok := bytes.CutPrefix(file, header())
	if !ok || len(body) != 4*size {
		return nil, errors.New("read " + path + ": it is not a filter")
	}
	f := &Filter{}
	return f, binary.Read(bytes.NewReader(body), binary.LittleEndian, &f.Weights)
}
