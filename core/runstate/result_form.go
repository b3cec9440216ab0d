package runstate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxResult bounds a kept result, in bytes.
const maxResult = 16 << 20

// resultHead begins the file of a result: the version of its form, and the
// digest of what follows the line.
const resultHead = "stagegate result 1 "

func encodeResult(r Result) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	if len(body) > maxResult {
		return nil, fmt.Errorf("encode result: %d bytes are more than %d", len(body), maxResult)
	}
	sum := sha256.Sum256(body)
	return append([]byte(resultHead+hex.EncodeToString(sum[:])+"\n"), body...), nil
}

func decodeResult(data []byte) (*Result, error) {
	head, body, ok := bytes.Cut(data, []byte("\n"))
	want, known := bytes.CutPrefix(head, []byte(resultHead))
	if !ok || !known {
		return nil, errors.New("it does not begin as a result does")
	}
	sum := sha256.Sum256(body)
	if hex.EncodeToString(sum[:]) != string(want) {
		return nil, errors.New("its content does not match its digest")
	}
	out := new(Result)
	if err := json.Unmarshal(body, out); err != nil {
		return nil, err
	}
	return out, nil
}

// readResult reads a file with a result.
func readResult(path string) (*Result, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read result: %w", ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(f, maxResult+1<<10))
	if err != nil {
		return nil, &DamagedError{Path: path, Reason: err.Error()}
	}
	out, err := decodeResult(data)
	if err != nil {
		return nil, &DamagedError{Path: path, Reason: err.Error()}
	}
	return out, nil
}
