package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// file builds a safetensors file from a header and a number of data bytes.
func file(header string, data int) []byte {
	raw := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	raw = append(raw, header...)
	return append(raw, make([]byte, data)...)
}

func check(raw []byte) (Summary, error) { return Check(bytes.NewReader(raw), int64(len(raw))) }

func TestValid(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header     string
		data       int
		tensors    int
		parameters uint64
	}{
		"one":                {`{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}`, 24, 1, 6},
		"padded":             {`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}      `, 4, 1, 1},
		"empty map":          {`{}`, 0, 0, 0},
		"empty tensor":       {`{"w":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}}`, 0, 1, 0},
		"scalar":             {`{"w":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}`, 8, 1, 1},
		"metadata":           {`{"__metadata__":{"format":"pt"},"w":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}`, 3, 1, 3},
		"not in data order":  {`{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 3, 2, 3},
		"keys in any order":  {`{"w":{"data_offsets":[0,2],"shape":[1],"dtype":"BF16"}}`, 2, 1, 1},
		"four bits":          {`{"w":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}`, 2, 1, 4},
		"six bits":           {`{"w":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}`, 3, 1, 4},
		"empty between":      {`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"c":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2, 3, 2},
		"unicode name":       {`{"模型":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1, 1, 1},
		"escaped surrogates": {`{"\ud83d\ude00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := check(file(tc.header, tc.data))
			if err != nil {
				t.Fatal(err)
			}
			if got.Tensors != tc.tensors || got.Parameters != tc.parameters {
				t.Errorf("%d tensors, %d parameters; want %d, %d", got.Tensors, got.Parameters, tc.tensors, tc.parameters)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	u8 := func(begin, end int) string {
		return fmt.Sprintf(`{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}`, end-begin, begin, end)
	}
	length := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	for name, tc := range map[string]struct {
		raw  []byte
		want string
	}{
		"no bytes":            {nil, "fewer than the 8"},
		"seven bytes":         {make([]byte, 7), "fewer than the 8"},
		"2^60 header":         {append(length(1<<60), '{', '}'), "format's limit"},
		"2^64-1 header":       {append(length(1<<64-1), '{', '}'), "format's limit"},
		"header past the end": {append(length(100), '{', '}'), "end after the file"},
		"not an object":       {file(`[]`, 0), "begin with '{'"},
		"leading space":       {file(` {}`, 0), "begin with '{'"},
		"truncated header":    {file(`{"w":`, 0), "not JSON"},
		"text after":          {file(`{} x`, 0), "other than spaces"},
		"second object":       {file(`{}{}`, 0), "other than spaces"},
		"newline after":       {file("{}\n", 0), "other than spaces"},
		"duplicate tensor":    {file(`{"w":`+u8(0, 1)+`,"w":`+u8(1, 2)+`}`, 2), "same name"},
		"escaped duplicate":   {file(`{"w":`+u8(0, 1)+`,"\u0077":`+u8(1, 2)+`}`, 2), "same name"},
		"duplicate metadata":  {file(`{"__metadata__":{},"__metadata__":{}}`, 0), "__metadata__ twice"},
		"duplicate in meta":   {file(`{"__metadata__":{"a":"1","a":"2"}}`, 0), "occurs twice"},
		"metadata number":     {file(`{"__metadata__":{"a":1}}`, 0), "no string"},
		"duplicate key":       {file(`{"w":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1), "occurs twice"},
		"other case":          {file(`{"w":{"DType":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "not known"},
		"missing key":         {file(`{"w":{"dtype":"U8","shape":[1]}}`, 1), "lacks one of"},
		"unknown dtype":       {file(`{"w":{"dtype":"F31","shape":[1],"data_offsets":[0,1]}}`, 1), "not known"},
		"hole at the start":   {file(`{"w":`+u8(1, 2)+`}`, 2), "no tensor covers"},
		"hole in between":     {file(`{"a":`+u8(0, 1)+`,"b":`+u8(2, 3)+`}`, 3), "no tensor covers"},
		"overlap":             {file(`{"a":`+u8(0, 2)+`,"b":`+u8(1, 3)+`}`, 3), "two tensors cover"},
		"same place":          {file(`{"a":`+u8(0, 2)+`,"b":`+u8(0, 2)+`}`, 2), "two tensors cover"},
		"data too long":       {file(`{"w":`+u8(0, 1)+`}`, 2), "end at byte 1 of the data, which has 2"},
		"data too short":      {file(`{"w":`+u8(0, 3)+`}`, 2), "end at byte 3 of the data, which has 2"},
		"end before begin":    {file(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1), "not a begin and an end"},
		"three offsets":       {file(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1), "more than 2"},
		"one offset":          {file(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1), "not a begin and an end"},
		"shape and room":      {file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), "takes 8 bytes"},
		"shape overflow":      {file(`{"w":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "64 bits"},
		"bits overflow":       {file(`{"w":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]}}`, 0), "64 bits"},
		"half a byte":         {file(`{"w":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, 1), "whole bytes"},
		"negative":            {file(`{"w":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1), "whole number"},
		"fraction":            {file(`{"w":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 1), "whole number"},
		"exponent":            {file(`{"w":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}`, 1), "whole number"},
		"string number":       {file(`{"w":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, 1), "no number"},
		"too large a number":  {file(`{"w":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}}`, 1), "whole number"},
		"trailing comma":      {file(`{"w":`+u8(0, 1)+`,}`, 1), "JSON"},
		"missing comma":       {file(`{"w":{"dtype":"U8" "shape":[1],"data_offsets":[0,1]}}`, 1), "not JSON"},
		"array comma":         {file(`{"w":{"dtype":"U8","shape":[1,],"data_offsets":[0,1]}}`, 1), "JSON"},
		"null tensor":         {file(`{"w":null}`, 0), `no "{"`},
		"nested":              {file(`{"w":{"dtype":{"a":1},"shape":[1],"data_offsets":[0,1]}}`, 1), "no string"},
		"invalid UTF-8":       {file("{\"w\xff\":"+u8(0, 1)+"}", 1), "not UTF-8"},
		"cut UTF-8":           {file("{\"w\xe6", 0), "not UTF-8"},
		"half a surrogate":    {file(`{"\ud83d":`+u8(0, 1)+`}`, 1), "not Unicode"},
		"dimensions":          {file(`{"w":{"dtype":"U8","shape":[`+strings.Repeat("1,", 1024)+`1],"data_offsets":[0,1]}}`, 1), "more than 1024"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := check(tc.raw)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// A short read in the middle of a character is not an error.
func TestOneByteReads(t *testing.T) {
	t.Parallel()
	raw := file(`{"模型模型":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1)
	if _, err := Check(iotestOneByte{bytes.NewReader(raw)}, int64(len(raw))); err != nil {
		t.Error(err)
	}
}

type iotestOneByte struct{ r *bytes.Reader }

func (o iotestOneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// The data is not read: a file of a terabyte costs what its header costs.
func TestReadsTheHeaderAlone(t *testing.T) {
	t.Parallel()
	const terabyte = 1 << 40
	header := fmt.Sprintf(`{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}`, terabyte, terabyte)
	raw := file(header, 0)
	if _, err := Check(bytes.NewReader(raw), int64(len(raw))+terabyte); err != nil {
		t.Error(err)
	}
}

// Half a million tensors stay far below the memory that a plugin may use.
func TestManyTensors(t *testing.T) {
	var b strings.Builder
	b.WriteByte('{')
	const count = 500_000
	for i := range count {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"model.layers.%d.weight":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, i, i, i+1)
	}
	b.WriteByte('}')
	raw := file(b.String(), count)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	got, err := check(raw)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err != nil || got.Tensors != count {
		t.Fatalf("%d tensors, %v", got.Tensors, err)
	}
	if !got.Names.Has("model.layers.499999.weight") || got.Names.Has("model.layers.500000.weight") {
		t.Error("the names are not remembered")
	}
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 16<<20 {
		t.Errorf("the summary keeps %d bytes", kept)
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	shard := func(names ...string) Summary {
		var parts []string
		for i, n := range names {
			parts = append(parts, fmt.Sprintf(`%q:{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, n, i, i+1))
		}
		s, err := check(file("{"+strings.Join(parts, ",")+"}", len(names)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	shards := map[string]Summary{"m-1.safetensors": shard("a", "b"), "m-2.safetensors": shard("c"), "other.safetensors": shard("x")}
	for index, want := range map[string]string{
		`{"metadata":{},"weight_map":{"a":"m-1.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"}}`: "",
		`{"weight_map":{"a":"m-1.safetensors","c":"m-2.safetensors"}}`:                                     "has 1 tensors that it does not mention",
		`{"weight_map":{"a":"m-1.safetensors","b":"m-1.safetensors","c":"m-1.safetensors"}}`:               "does not have it",
		`{"weight_map":{"a":"m-3.safetensors"}}`:                                                           "not in the package",
		`{}`:                                                                                               "no weight_map",
		`[`:                                                                                                "not JSON",
		`{"weight_map":{"a":"m-1.safetensors","b":"m-1.safetensors"}}`:                                     `"m-2.safetensors" has 1 tensors`,
	} {
		err := CheckIndex(strings.NewReader(index), "m", shards)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", index, err, want)
		}
	}
}

// What is accepted is what the format says, by another parser and by sums; the
// corpus in testdata has a file for each rule, named after it.
func FuzzCheck(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := check(raw)
		if err != nil {
			return
		}
		n := binary.LittleEndian.Uint64(raw)
		var header map[string]json.RawMessage
		if err := json.Unmarshal(raw[8:8+n], &header); err != nil {
			t.Fatalf("accepted, and not JSON: %v", err)
		}
		delete(header, "__metadata__")
		room := uint64(0)
		for name, text := range header {
			var tensor struct {
				Offsets [2]uint64 `json:"data_offsets"`
			}
			if err := json.Unmarshal(text, &tensor); err != nil || !s.Names.Has(name) {
				t.Errorf("tensor %q: %v", name, err)
			}
			room += tensor.Offsets[1] - tensor.Offsets[0]
		}
		if s.Tensors != len(header) || 8+n+room != uint64(len(raw)) {
			t.Errorf("%d tensors of %d, %d bytes of %d", s.Tensors, len(header), 8+n+room, len(raw))
		}
	})
}

// Each file of the corpus is judged as its name says.
func TestCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/fuzz/FuzzCheck/*")
	if err != nil || len(files) < 40 {
		t.Fatal(len(files), err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text, ok := strings.CutPrefix(string(content), "go test fuzz v1\n[]byte(")
		raw, err := strconv.Unquote(strings.TrimSuffix(text, ")\n"))
		if !ok || err != nil {
			t.Fatal(name, err)
		}
		if _, err := check([]byte(raw)); (err == nil) != strings.HasPrefix(filepath.Base(name), "valid-") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
