package diag

import (
	"encoding/json"
	"io"

	"github.com/hashicorp/hcl/v2"
)

// formatVersion is that of the JSON form: fields are added to it, never renamed
// or removed.
const formatVersion = "1"

type document struct {
	FormatVersion string    `json:"format_version"`
	Valid         bool      `json:"valid"`
	ErrorCount    int       `json:"error_count"`
	WarningCount  int       `json:"warning_count"`
	Diagnostics   []message `json:"diagnostics"`
}

type message struct {
	Severity string     `json:"severity"`
	Summary  string     `json:"summary"`
	Detail   string     `json:"detail,omitempty"`
	In       string     `json:"in,omitempty"`
	Range    *placement `json:"range,omitempty"`
}

type placement struct {
	Filename string   `json:"filename"`
	Start    position `json:"start"`
	End      position `json:"end"`
}

type position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// String names the severity.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// RenderJSON writes diagnostics for programs, as one JSON object.
func RenderJSON(w io.Writer, list List) error {
	doc := document{FormatVersion: formatVersion, Valid: !list.HasErrors(), Diagnostics: []message{}}
	for _, d := range list {
		if d.Severity == Warning {
			doc.WarningCount++
		} else {
			doc.ErrorCount++
		}
		doc.Diagnostics = append(doc.Diagnostics, message{
			Severity: d.Severity.String(), Summary: d.Summary, Detail: d.Detail, In: d.In, Range: placementOf(d.Subject),
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(doc)
}

func placementOf(r *hcl.Range) *placement {
	if r == nil {
		return nil
	}
	of := func(p hcl.Pos) position { return position{Line: p.Line, Column: p.Column, Byte: p.Byte} }
	return &placement{Filename: r.Filename, Start: of(r.Start), End: of(r.End)}
}
