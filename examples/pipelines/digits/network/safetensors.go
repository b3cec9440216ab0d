package network

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// tensor is an entry of a safetensors header.
type tensor struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// parts are the tensors of a file, in the order in which they lie there.
func (n *Network) parts() []part {
	return []part{
		{"hidden.weight", []int{n.Hidden.Out, n.Hidden.In}, n.Hidden.Weight},
		{"hidden.bias", []int{n.Hidden.Out}, n.Hidden.Bias},
		{"output.weight", []int{n.Output.Out, n.Output.In}, n.Output.Weight},
		{"output.bias", []int{n.Output.Out}, n.Output.Bias},
	}
}

type part struct {
	name   string
	shape  []int
	values []float32
}

// Encode is the network as a safetensors file.
func (n *Network) Encode() ([]byte, error) {
	header := make(map[string]tensor)
	var body bytes.Buffer
	for _, p := range n.parts() {
		begin := body.Len()
		if err := binary.Write(&body, binary.LittleEndian, p.values); err != nil {
			return nil, fmt.Errorf("encode %s: %w", p.name, err)
		}
		header[p.name] = tensor{DType: "F32", Shape: p.shape, Offsets: [2]int{begin, body.Len()}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("encode header: %w", err)
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(file, text...), body.Bytes()...), nil
}

// Decode reads what Encode wrote, and nothing else.
func Decode(file []byte, pixels, classes int) (*Network, error) {
	if len(file) < 8 {
		return nil, errors.New("decode model: the file is shorter than a header")
	}
	length, rest := binary.LittleEndian.Uint64(file), file[8:]
	if length > uint64(len(rest)) {
		return nil, errors.New("decode model: the header is longer than the file")
	}
	text, body := rest[:length], rest[length:]
	var header map[string]tensor
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, fmt.Errorf("decode model: %w", err)
	}
	n := &Network{Hidden: empty(pixels, Hidden), Output: empty(Hidden, classes)}
	end := 0
	for _, p := range n.parts() {
		want := tensor{DType: "F32", Shape: p.shape, Offsets: [2]int{end, end + 4*len(p.values)}}
		if got := header[p.name]; fmt.Sprint(got) != fmt.Sprint(want) || want.Offsets[1] > len(body) {
			return nil, fmt.Errorf("decode model: tensor %s is %v, and not %v", p.name, got, want)
		}
		for i := range p.values {
			p.values[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[end+4*i:]))
		}
		end = want.Offsets[1]
	}
	if len(header) != len(n.parts()) || end != len(body) {
		return nil, errors.New("decode model: the file holds more than the network")
	}
	return n, nil
}

func empty(in, out int) Layer {
	return Layer{In: in, Out: out, Weight: make([]float32, in*out), Bias: make([]float32, out)}
}
