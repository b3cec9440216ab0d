package safetensors

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDimensions bounds the shape of one tensor.
const maxDimensions = 1024

// header reads the JSON of a header token by token: encoding/json on a struct
// would take duplicate keys, other cases of a key, and invalid UTF-8.
type header struct {
	raw        *bufio.Reader
	text       *utf8Reader
	tokens     *json.Decoder
	seed       maphash.Seed
	tensors    []tensor
	parameters uint64
	elements   map[string]uint64
}

func newHeader(r io.Reader, n int64) *header {
	raw := bufio.NewReaderSize(io.LimitReader(r, n), 64<<10)
	text := &utf8Reader{r: raw}
	tokens := json.NewDecoder(text)
	tokens.UseNumber()
	return &header{raw: raw, text: text, tokens: tokens, seed: maphash.MakeSeed(), elements: make(map[string]uint64)}
}

func (h *header) read() error {
	if first, err := h.raw.Peek(1); err != nil || first[0] != '{' {
		return errors.New("its header does not begin with '{'")
	}
	err := h.object()
	if err == nil {
		err = h.padding()
	}
	if h.text.bad {
		return errors.New("its header is not UTF-8")
	}
	return err
}

func (h *header) object() error {
	if err := h.delim('{'); err != nil {
		return err
	}
	metadata := false
	for h.tokens.More() {
		name, err := h.str()
		if err != nil {
			return err
		}
		if name == "__metadata__" {
			if metadata {
				return errors.New("it has __metadata__ twice")
			}
			metadata = true
			if err := h.metadata(); err != nil {
				return fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		if err := h.tensor(name); err != nil {
			return fmt.Errorf("tensor %.100q: %w", name, err)
		}
	}
	return h.delim('}')
}

// metadata is an object of strings.
func (h *header) metadata() error {
	if err := h.delim('{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for h.tokens.More() {
		key, err := h.str()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("the key %.100q occurs twice", key)
		}
		seen[key] = true
		if _, err := h.str(); err != nil {
			return err
		}
	}
	return h.delim('}')
}

// tensor reads {"dtype", "shape", "data_offsets"}, each exactly once.
func (h *header) tensor(name string) error {
	if err := h.delim('{'); err != nil {
		return err
	}
	var dtype string
	var shape, offsets []uint64
	seen := make(map[string]bool, 3)
	for h.tokens.More() {
		key, err := h.str()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("the key %.100q occurs twice", key)
		}
		seen[key] = true
		switch key {
		case "dtype":
			dtype, err = h.str()
		case "shape":
			shape, err = h.numbers(maxDimensions)
		case "data_offsets":
			offsets, err = h.numbers(2)
		default:
			err = fmt.Errorf("the key %.100q is not known", key)
		}
		if err != nil {
			return err
		}
	}
	if err := h.delim('}'); err != nil {
		return err
	}
	if len(seen) != 3 {
		return errors.New("it lacks one of dtype, shape and data_offsets")
	}
	return h.add(name, dtype, shape, offsets)
}

func (h *header) add(name, dtype string, shape, offsets []uint64) error {
	if len(offsets) != 2 || offsets[0] > offsets[1] {
		return errors.New("its data_offsets are not a begin and an end")
	}
	count, err := elements(shape)
	if err != nil {
		return err
	}
	size, err := byteSize(dtype, count)
	if err != nil {
		return err
	}
	if room := offsets[1] - offsets[0]; size != room {
		return fmt.Errorf("its shape takes %d bytes, its data_offsets %d", size, room)
	}
	h.tensors = append(h.tensors, tensor{name: maphash.String(h.seed, name), begin: offsets[0], end: offsets[1]})
	h.parameters = add(h.parameters, count)
	h.elements[dtype] = add(h.elements[dtype], count)
	return nil
}

// padding is what may follow the object: spaces.
func (h *header) padding() error {
	rest := bufio.NewReader(io.MultiReader(h.tokens.Buffered(), h.text))
	for {
		b, err := rest.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read header: %w", err)
		}
		if b != ' ' {
			return errors.New("something other than spaces follows its header's object")
		}
	}
}

func (h *header) delim(want json.Delim) error {
	tok, err := h.token()
	if err != nil {
		return err
	}
	if got, ok := tok.(json.Delim); !ok || got != want {
		return fmt.Errorf("its header has no %q where one belongs", want.String())
	}
	return nil
}

// str is the next token, a string. A replacement character stands for half a
// surrogate pair, which the format does not have.
func (h *header) str() (string, error) {
	tok, err := h.token()
	if err != nil {
		return "", err
	}
	s, ok := tok.(string)
	if !ok {
		return "", errors.New("its header has no string where one belongs")
	}
	if strings.ContainsRune(s, utf8.RuneError) {
		return "", errors.New("a string in its header is not Unicode")
	}
	return s, nil
}

// numbers is an array of whole numbers that fit in 64 bits.
func (h *header) numbers(limit int) ([]uint64, error) {
	if err := h.delim('['); err != nil {
		return nil, err
	}
	out := []uint64{}
	for h.tokens.More() {
		tok, err := h.token()
		if err != nil {
			return nil, err
		}
		number, ok := tok.(json.Number)
		if !ok {
			return nil, errors.New("its header has no number where one belongs")
		}
		n, err := strconv.ParseUint(number.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%.40s is not a whole number of at most 64 bits", number)
		}
		if len(out) == limit {
			return nil, fmt.Errorf("an array has more than %d numbers", limit)
		}
		out = append(out, n)
	}
	return out, h.delim(']')
}

func (h *header) token() (json.Token, error) {
	tok, err := h.tokens.Token()
	if err != nil {
		return nil, fmt.Errorf("its header is not JSON: %w", err)
	}
	return tok, nil
}
