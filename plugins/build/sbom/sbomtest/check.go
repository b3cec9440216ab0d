// Package sbomtest holds bills to the specification's own schema. Only tests
// import it.
package sbomtest

import (
	"bytes"
	"embed"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stagegate/stagegate/sdk/strictjson"
)

//go:embed schema/*.json
var schemas embed.FS

// base is where the schemas say that they are.
const base = "http://cyclonedx.org/schema/"

// Bill is what tests look at.
type Bill struct {
	BOMFormat    string `json:"bomFormat"`
	SpecVersion  string `json:"specVersion"`
	SerialNumber string `json:"serialNumber"`
	Metadata     struct {
		Component Component `json:"component"`
	} `json:"metadata"`
	Components   []Component `json:"components"`
	Dependencies []struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	} `json:"dependencies"`
}

// Component is one of a bill.
type Component struct {
	Ref      string `json:"bom-ref"`
	Type     string `json:"type"`
	Name     string `json:"name"`
	PURL     string `json:"purl"`
	Pedigree struct {
		Ancestors []Component `json:"ancestors"`
	} `json:"pedigree"`
	Hashes []struct {
		Alg     string `json:"alg"`
		Content string `json:"content"`
	} `json:"hashes"`
	Properties []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"properties"`
}

// Note is a property; empty when there is none.
func (c Component) Note(name string) string {
	for _, p := range c.Properties {
		if p.Name == "stagegate:"+name {
			return p.Value
		}
	}
	return ""
}

// Check fails the test unless a document is a valid bill, and reads it.
func Check(t testing.TB, raw []byte) Bill {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	names, err := fs.Glob(schemas, "schema/*.json")
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		content, err := schemas.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err == nil {
			err = compiler.AddResource(base+name[len("schema/"):], document)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile(base + "bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("%v\n%s", err, raw)
	}
	if err := strictjson.Check(raw); err != nil {
		t.Error(err)
	}
	var bill Bill
	if err := json.Unmarshal(raw, &bill); err != nil {
		t.Fatal(err)
	}
	return bill
}
