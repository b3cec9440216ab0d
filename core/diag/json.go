package diag

import "github.com/hashicorp/hcl/v2"

// formatVersion is that of the JSON form: fields are added to it, never renamed
// or removed.
const formatVersion = "1"

// schema is that of the runner's JSON as a whole.
const schema = 1

// Document is the JSON form of a list.
type Document struct {
	Type          string    `json:"type"` // diagnostics
	Schema        int       `json:"schema"`
	FormatVersion string    `json:"format_version"` // of the diagnostics alone
	Valid         bool      `json:"valid"`          // there is no error
	ErrorCount    int       `json:"error_count"`
	WarningCount  int       `json:"warning_count"`
	Diagnostics   []Message `json:"diagnostics"`
}

// Message is the JSON form of a diagnostic.
type Message struct {
	Severity string `json:"severity"` // error or warning
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	In       string `json:"in,omitempty"` // the block around the place
	Range    *Place `json:"range,omitempty"`
}

// Place is the JSON form of a range.
type Place struct {
	Filename string   `json:"filename"`
	Start    Position `json:"start"`
	End      Position `json:"end"`
}

// Position is a place in a file.
type Position struct {
	Line   int `json:"line"`   // from 1
	Column int `json:"column"` // from 1, in characters
	Byte   int `json:"byte"`   // from 0
}

// String names the severity.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Messages are the diagnostics for programs.
func (l List) Messages() []Message {
	out := make([]Message, 0, len(l))
	for _, d := range l {
		out = append(out, Message{
			Severity: d.Severity.String(), Summary: d.Summary, Detail: d.Detail, In: d.In, Range: NewPlace(d.Subject),
		})
	}
	return out
}

// NewDocument is the JSON form of the diagnostics.
func NewDocument(list List) Document {
	doc := Document{
		Type: "diagnostics", Schema: schema, FormatVersion: formatVersion, Valid: !list.HasErrors(), Diagnostics: list.Messages(),
	}
	for _, d := range list {
		if d.Severity == Warning {
			doc.WarningCount++
		} else {
			doc.ErrorCount++
		}
	}
	return doc
}

// NewPlace is the JSON form of a range; nil when there is none.
func NewPlace(r *hcl.Range) *Place {
	if r == nil {
		return nil
	}
	of := func(p hcl.Pos) Position { return Position{Line: p.Line, Column: p.Column, Byte: p.Byte} }
	return &Place{Filename: r.Filename, Start: of(r.Start), End: of(r.End)}
}
