package strictjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data            string
		plainOK, foldOK bool
		says            string
	}{
		"object":        {`{"a":{"b":[1,true,null,"x"]},"c":1.5}`, true, true, ""},
		"scalar":        {`"x"`, true, true, ""},
		"same in two":   {`[{"a":1},{"a":2}]`, true, true, ""},
		"duplicate":     {`{"a":1,"a":2}`, false, false, "twice"},
		"deep":          {`{"x":[{"a":1,"b":{"c":1,"c":1}}]}`, false, false, "twice"},
		"escaped":       {`{"a":1,"\u0061":2}`, false, false, "twice"},
		"other case":    {`{"a":1,"A":2}`, true, false, "twice"},
		"trailing":      {`{} {}`, false, false, "more after"},
		"empty":         {``, false, false, "EOF"},
		"not UTF-8":     {"\"\xff\"", false, false, "UTF-8"},
		"nested at max": {strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), true, true, ""},
		"nested more":   {strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1), false, false, "nested"},
		"unclosed":      {`{"a":`, false, false, "EOF"},
	}
	for name, test := range tests {
		for which, c := range map[string]struct {
			err error
			ok  bool
		}{
			"plain":  {Check([]byte(test.data)), test.plainOK},
			"folded": {FoldedCheck([]byte(test.data)), test.foldOK},
		} {
			switch {
			case c.ok && c.err != nil:
				t.Errorf("%s, %s: %v", name, which, c.err)
			case !c.ok && (c.err == nil || !strings.Contains(c.err.Error(), test.says)):
				t.Errorf("%s, %s: got %v, want %q", name, which, c.err, test.says)
			}
		}
	}
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	var v struct{ Name string }
	if err := Unmarshal([]byte(`{"name":"x"}`), &v); err != nil || v.Name != "x" {
		t.Errorf("got %+v, %v", v, err)
	}
	if err := Unmarshal([]byte(`{"name":"x","Name":"y"}`), &v); !errors.Is(err, ErrDuplicate) {
		t.Errorf("got %v, want %v", err, ErrDuplicate)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if Check(data) == nil && !json.Valid(data) {
			t.Errorf("accepted what is no JSON: %q", data)
		}
	})
}
