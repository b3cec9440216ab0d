package dynamic_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func secret(s string) cty.Value { return cty.StringVal(s).Mark(dynamic.Sensitive) }

func object(fields ...any) cty.Value {
	out := make(map[string]cty.Value)
	for i := 0; i < len(fields); i += 2 {
		out[fields[i].(string)] = fields[i+1].(cty.Value)
	}
	return cty.ObjectVal(out)
}

func roundTrip(t *testing.T, v cty.Value, ty cty.Type) cty.Value {
	t.Helper()
	wire, err := dynamic.Encode(v, ty)
	if err != nil {
		t.Fatalf("encode %#v: %v", v, err)
	}
	got, err := dynamic.Decode(wire, ty)
	if err != nil {
		t.Fatalf("decode %#v: %v", v, err)
	}
	return got
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   cty.Value
		ty   cty.Type  // NilType means that of the value
		want cty.Value // NilVal means the value itself
	}{
		"string":          {in: cty.StringVal("é\x00")},
		"big number":      {in: cty.MustParseNumberVal("12345678901234567890.5")},
		"null":            {in: cty.NullVal(cty.List(cty.String))},
		"unknown":         {in: cty.UnknownVal(cty.String)},
		"unknown, of any": {in: cty.DynamicVal, ty: cty.DynamicPseudoType},
		"unknown, within": {in: object("a", cty.ListVal([]cty.Value{cty.UnknownVal(cty.Number), cty.Zero}))},
		"not null":        {in: cty.UnknownVal(cty.String).RefineNotNull()},
		"set":             {in: cty.SetVal([]cty.Value{cty.StringVal("b"), cty.StringVal("a")})},
		"empty set":       {in: cty.SetValEmpty(cty.String)},
		"any type":        {in: object("deep", cty.TupleVal([]cty.Value{cty.True, cty.StringVal("x")})), ty: cty.DynamicPseudoType},
		"any type inside": {
			in: object("x", cty.MapVal(map[string]cty.Value{"k": cty.Zero})),
			ty: cty.Object(map[string]cty.Type{"x": cty.DynamicPseudoType}),
		},
		"converted": {in: cty.StringVal("5"), ty: cty.Number, want: cty.NumberIntVal(5)},
		"optional": {
			in: object("a", cty.True), want: object("a", cty.True, "b", cty.NullVal(cty.String)),
			ty: cty.ObjectWithOptionalAttrs(map[string]cty.Type{"a": cty.Bool, "b": cty.String}, []string{"b"}),
		},
		"sensitive, whole":  {in: secret("x")},
		"sensitive, null":   {in: cty.NullVal(cty.String).Mark(dynamic.Sensitive)},
		"sensitive unknown": {in: cty.UnknownVal(cty.String).Mark(dynamic.Sensitive)},
		"sensitive, deep": {in: object("a", cty.ListVal([]cty.Value{
			cty.MapVal(map[string]cty.Value{"k": cty.StringVal("open"), "s": secret("x")}),
			cty.MapVal(map[string]cty.Value{"k": secret("y")}),
		}), "b", secret("z"))},
		"sensitive, in a set": { // an element of a set has no place: the set has
			in:   object("s", cty.SetVal([]cty.Value{secret("x"), cty.StringVal("y")})),
			want: object("s", cty.SetVal([]cty.Value{cty.StringVal("x"), cty.StringVal("y")}).Mark(dynamic.Sensitive)),
		},
		"sensitive, of any type": {in: object("t", cty.TupleVal([]cty.Value{cty.True, secret("x")})), ty: cty.DynamicPseudoType},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ty, want := tt.ty, tt.want
			if ty == cty.NilType {
				ty = tt.in.Type()
			}
			if want == cty.NilVal {
				want = tt.in
			}
			if got := roundTrip(t, tt.in, ty); !got.RawEquals(want) {
				t.Errorf("got %#v\nwant %#v", got, want)
			}
		})
	}
}

func TestNothingSensitiveIsForgotten(t *testing.T) {
	t.Parallel()
	in := object("deep", cty.ListVal([]cty.Value{object("token", secret("canary"))}))
	got := roundTrip(t, in, in.Type())
	token := got.GetAttr("deep").Index(cty.Zero).GetAttr("token")
	if !token.HasMark(dynamic.Sensitive) {
		t.Errorf("the mark is gone: %#v", got)
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		v    cty.Value
		ty   cty.Type
		want string
	}{
		"another type": {cty.StringVal("x"), cty.Number, "a number is required"},
		"another mark": {cty.StringVal("x").Mark("mine"), cty.String, `unexpected mark "mine"`},
		"too much":     {cty.StringVal(strings.Repeat("x", dynamic.MaxSize)), cty.String, "more than the limit"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := dynamic.Encode(tt.v, tt.ty); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   *pluginv1.DynamicValue
		want string
	}{
		"nonsense":    {&pluginv1.DynamicValue{Msgpack: []byte{0xc1}}, "decode value"},
		"wrong type":  {&pluginv1.DynamicValue{Msgpack: []byte{0x05}}, "string is required"},
		"too much":    {&pluginv1.DynamicValue{Msgpack: make([]byte, dynamic.MaxSize+1)}, "more than the limit"},
		"empty place": {&pluginv1.DynamicValue{Msgpack: []byte{0xa1, 'x'}, Sensitive: []*pluginv1.AttributePath{{Steps: []*pluginv1.AttributePath_Step{{}}}}}, "without a selector"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := dynamic.Decode(tt.in, cty.String); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// What a plugin sends must not take the runner's memory or its life.
func TestDecodeSurvivesHostileBytes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data []byte
		ty   cty.Type
	}{
		"a map that claims four thousand million elements": {[]byte{0xdf, 0xff, 0xff, 0xff, 0xff, 0x90}, cty.Map(cty.String)},
		"such a list":               {[]byte{0xdd, 0xff, 0xff, 0xff, 0xff, 0x90}, cty.List(cty.String)},
		"such a set":                {[]byte{0xdd, 0xff, 0xff, 0xff, 0xff, 0x90}, cty.Set(cty.String)},
		"such a string":             {[]byte{0xdb, 0xff, 0xff, 0xff, 0xff, 'x'}, cty.String},
		"not a number":              {[]byte{0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1}, cty.Number},
		"not a number, short":       {[]byte{0xca, 0x7f, 0xc0, 0, 1}, cty.Number},
		"a number without an end":   {[]byte("\xaa1e99999999"), cty.Number},
		"one that is all but zero":  {[]byte("\xab1e-99999999"), cty.Number},
		"infinity":                  {[]byte{0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0}, cty.Number},
		"lists within lists":        {bytes.Repeat([]byte{0x91}, dynamic.MaxSize), cty.DynamicPseudoType},
		"more than one value":       {[]byte{0xa1, 'x', 0xa1, 'y'}, cty.String},
		"nothing behind the length": {[]byte{0xdc}, cty.List(cty.String)},
		"an unknown cut short":      {[]byte{0xc7, 0x20, 0x0c, 0x81}, cty.String},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := dynamic.Decode(&pluginv1.DynamicValue{Msgpack: tt.data}, tt.ty); err == nil {
				t.Errorf("got %#v", got)
			}
		})
	}
}

// Whoever has decoded an object reads its attributes without asking for each
// whether it is there.
func TestDecodeRefusesAnObjectWithoutItsAttributes(t *testing.T) {
	t.Parallel()
	artifact := cty.Object(map[string]cty.Type{"digest": cty.String})
	for name, ty := range map[string]cty.Type{"alone": artifact, "in a list": cty.List(artifact)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := []byte{0x80} // an empty map of msgpack
			if ty.IsListType() {
				data = []byte{0x91, 0x80}
			}
			if got, err := dynamic.Decode(&pluginv1.DynamicValue{Msgpack: data}, ty); err == nil {
				t.Errorf("got %#v", got)
			}
		})
	}
}

func TestDecodeOfNothingIsNull(t *testing.T) {
	t.Parallel()
	for _, in := range []*pluginv1.DynamicValue{nil, {}} {
		if got, err := dynamic.Decode(in, cty.String); err != nil || !got.RawEquals(cty.NullVal(cty.String)) {
			t.Errorf("got %#v, %v", got, err)
		}
	}
}

func TestImpliedType(t *testing.T) {
	t.Parallel()
	inner := &pluginv1.Block{Attributes: []*pluginv1.Attribute{{Name: "size", Type: []byte(`"number"`)}}}
	free := &pluginv1.Block{Attributes: []*pluginv1.Attribute{{Name: "any", Type: []byte(`"dynamic"`)}}}
	block := &pluginv1.Block{
		Attributes: []*pluginv1.Attribute{{Name: "words", Type: []byte(`["list","string"]`)}},
		Blocks: []*pluginv1.NestedBlock{
			{TypeName: "one", Nesting: pluginv1.Nesting_NESTING_SINGLE, Block: inner},
			{TypeName: "many", Nesting: pluginv1.Nesting_NESTING_LIST, Block: inner},
			{TypeName: "named", Nesting: pluginv1.Nesting_NESTING_MAP, Block: inner},
			{TypeName: "free", Nesting: pluginv1.Nesting_NESTING_LIST, Block: free},
			{TypeName: "free_named", Nesting: pluginv1.Nesting_NESTING_MAP, Block: free},
		},
	}
	element := cty.Object(map[string]cty.Type{"size": cty.Number})
	want := cty.Object(map[string]cty.Type{
		"words": cty.List(cty.String), "one": element, "many": cty.List(element), "named": cty.Map(element),
		"free": cty.DynamicPseudoType, "free_named": cty.DynamicPseudoType,
	})
	if got, err := dynamic.ImpliedType(block); err != nil || !got.Equals(want) {
		t.Errorf("got %#v, %v", got, err)
	}
	if got, err := dynamic.OutputType(block.GetAttributes()); err != nil || !got.Equals(cty.Object(map[string]cty.Type{"words": cty.List(cty.String)})) {
		t.Errorf("got outputs %#v, %v", got, err)
	}
}

func TestImpliedTypeRefuses(t *testing.T) {
	t.Parallel()
	deep := &pluginv1.Block{}
	for range 20 {
		deep = &pluginv1.Block{Blocks: []*pluginv1.NestedBlock{{TypeName: "b", Nesting: pluginv1.Nesting_NESTING_SINGLE, Block: deep}}}
	}
	tests := map[string]struct {
		block *pluginv1.Block
		want  string
	}{
		"too deep":   {deep, "nested more than"},
		"no nesting": {&pluginv1.Block{Blocks: []*pluginv1.NestedBlock{{TypeName: "b"}}}, "unknown nesting"},
		"no type":    {&pluginv1.Block{Attributes: []*pluginv1.Attribute{{Name: "a", Type: []byte(`"wood"`)}}}, "type of a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := dynamic.ImpliedType(tt.block); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzRoundTrip decodes what a hostile peer may send. Whatever is accepted
// comes back from another trip as it is, its sensitive places among it.
func FuzzRoundTrip(f *testing.F) {
	types := []cty.Type{
		cty.String, cty.Number, cty.DynamicPseudoType, cty.Set(cty.String), cty.Map(cty.List(cty.Bool)),
		cty.Object(map[string]cty.Type{"a": cty.String, "b": cty.DynamicPseudoType, "c": cty.Set(cty.Object(map[string]cty.Type{"d": cty.Number}))}),
	}
	for kind, v := range []cty.Value{
		cty.StringVal("x"), cty.MustParseNumberVal("1e50"), object("k", cty.TupleVal([]cty.Value{cty.True, cty.DynamicVal})),
		cty.SetVal([]cty.Value{cty.StringVal("x")}), cty.MapVal(map[string]cty.Value{"k": cty.ListVal([]cty.Value{cty.True})}),
		object("a", cty.UnknownVal(cty.String), "b", cty.Zero, "c", cty.SetVal([]cty.Value{object("d", cty.Zero)})),
	} {
		wire, err := dynamic.Encode(v, types[kind])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(kind), wire.GetMsgpack(), "a", int64(0))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte, name string, index int64) {
		ty := types[int(kind)%len(types)]
		first, err := dynamic.Decode(&pluginv1.DynamicValue{Msgpack: data, Sensitive: []*pluginv1.AttributePath{
			{Steps: []*pluginv1.AttributePath_Step{dynamic.AttributeStep(name), dynamic.IndexStep(index)}},
			{Steps: []*pluginv1.AttributePath_Step{dynamic.KeyStep(name)}},
		}}, ty)
		if err != nil {
			return
		}
		wire, err := dynamic.Encode(first, ty)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %#v: %v", first, err)
		}
		second, err := dynamic.Decode(wire, ty)
		if err != nil {
			t.Fatalf("what was encoded cannot be decoded: %#v: %v", first, err)
		}
		if !second.RawEquals(first) {
			t.Errorf("%#v became %#v", first, second)
		}
	})
}

func TestPathsComeBack(t *testing.T) {
	t.Parallel()
	in := cty.GetAttrPath("a").IndexString("k").IndexInt(3)
	wire, err := dynamic.PathToWire(in)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := dynamic.PathFromWire(wire); err != nil || !slices.EqualFunc(got, in, func(a, b cty.PathStep) bool {
		return cty.Path{a}.Equals(cty.Path{b})
	}) {
		t.Errorf("got %#v, %v", got, err)
	}
}
