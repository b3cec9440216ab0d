package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
)

// What is said may quote what is in the files.
const (
	maxSummary = 500
	maxDetail  = 6000
)

// maxDiagnostics bounds what is said about one pipeline.
const maxDiagnostics = 200

// finish sorts diagnostics, names the block around each place, and leaves out
// what nobody would read.
func (s *Source) finish(diags diag.List) diag.List {
	diags = diags.Sorted()
	more := len(diags) - maxDiagnostics
	if more > 0 {
		diags = append(diags[:maxDiagnostics:maxDiagnostics], diag.Diagnostic{
			Severity: diag.Error, Summary: "Too many problems",
			Detail: fmt.Sprintf("There are %d more. Solve those above first.", more),
		})
	}
	return s.annotate(diags)
}

// annotate names the block around each place.
func (s *Source) annotate(diags diag.List) diag.List {
	for i := range diags {
		diags[i].Summary, diags[i].Detail = cut(diags[i].Summary, maxSummary), cut(diags[i].Detail, maxDetail)
		if d := &diags[i]; d.Subject != nil && d.In == "" {
			d.In = s.blockAround(*d.Subject)
		}
	}
	return diags
}

func (s *Source) blockAround(place hcl.Range) string {
	for _, folder := range s.reader.order {
		for _, f := range folder.files {
			if f.shown == place.Filename && f.body != nil {
				return around(f.body, place)
			}
		}
	}
	return ""
}

// around names the block of a file that a place is in.
func around(body *hclsyntax.Body, place hcl.Range) string {
	for _, b := range body.Blocks {
		if whole := hcl.RangeBetween(b.TypeRange, b.CloseBraceRange); place.Start.Byte < whole.Start.Byte || place.Start.Byte > whole.End.Byte {
			continue
		}
		if len(b.Labels) == 0 {
			return b.Type
		}
		return fmt.Sprintf("%s %q", b.Type, clip(strings.Join(b.Labels, ".")))
	}
	return ""
}
