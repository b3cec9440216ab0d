package gate

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stagegate/stagegate/sdk/strictjson"
)

// maxInput is what a policy takes.
const maxInput = 1 << 20

//go:embed schema.json
var schemaFile []byte

// schema checks input documents: a missing or misspelt key must not reach a
// rule, where it would be undefined and deny nothing.
type schema struct{ compiled *jsonschema.Schema }

func newSchema() (schema, error) {
	const address = "https://stagegate.dev/schema/policy-input/v1.json"
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaFile))
	if err != nil {
		return schema{}, fmt.Errorf("read schema of the policy input: %w", err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(address, doc); err != nil {
		return schema{}, fmt.Errorf("add schema of the policy input: %w", err)
	}
	compiled, err := c.Compile(address)
	if err != nil {
		return schema{}, fmt.Errorf("compile schema of the policy input: %w", err)
	}
	return schema{compiled}, nil
}

// encode is the input as policies get it, checked.
func (s schema) encode(in *Input) ([]byte, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode policy input: %w", err)
	}
	return data, s.check(data)
}

// ErrInput is wrapped by errors about a document that no policy can judge.
var ErrInput = errors.New("it is no policy input")

// decode reads what encode has written.
func (s schema) decode(data []byte) (*Input, error) {
	if err := s.check(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	if err := strictjson.Check(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	in := new(Input)
	if err := json.Unmarshal(data, in); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	return in, nil
}

func (s schema) check(data []byte) error {
	if len(data) > maxInput {
		return fmt.Errorf("the policy input has %d bytes, more than %d: deploy fewer objects with one stage", len(data), maxInput)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("read policy input: %w", err)
	}
	if err := s.compiled.Validate(doc); err != nil {
		return fmt.Errorf("the policy input does not fit its schema: %s", places(err))
	}
	return nil
}

// places names what does not fit, one line for each of the first few.
func places(err error) string {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	const most = 5
	var out []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 && len(out) < most {
			out = append(out, e.Error())
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(invalid)
	return strings.Join(out, "; ")
}
