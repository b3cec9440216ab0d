package format

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// edit replaces a part of a source.
type edit struct {
	start, end int
	text       []byte
}

// respell writes what can be said in two ways in the usual one.
func respell(src []byte, body *hclsyntax.Body) []byte {
	edits := edits(src, body, nil)
	if len(edits) == 0 {
		return src
	}
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	out := make([]byte, 0, len(src)+2*len(edits))
	at := 0
	for _, e := range edits {
		out = append(append(out, src[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, src[at:]...)
}

func edits(src []byte, body *hclsyntax.Body, out []edit) []edit {
	for _, a := range body.Attributes {
		if wrap, ok := a.Expr.(*hclsyntax.TemplateWrapExpr); ok && quoted(src, wrap.SrcRange) {
			out = append(out, edit{wrap.SrcRange.Start.Byte, wrap.SrcRange.End.Byte, unwrap(src, wrap)})
		}
	}
	for _, b := range body.Blocks {
		for _, place := range b.LabelRanges {
			if !quoted(src, place) {
				out = append(out, edit{place.Start.Byte, place.End.Byte, slices.Concat([]byte{'"'}, place.SliceBytes(src), []byte{'"'})})
			}
		}
		out = edits(src, b.Body, out)
	}
	return out
}

func quoted(src []byte, place hcl.Range) bool { return src[place.Start.Byte] == '"' }

// unwrap is the expression in "${…}", which means the same by itself. One of
// several lines goes between parentheses, which hide the ends of lines as the
// quotes did.
func unwrap(src []byte, e *hclsyntax.TemplateWrapExpr) []byte {
	start, end := e.SrcRange.Start.Byte+len(`"${`), e.SrcRange.End.Byte-len(`}"`)
	if src[start] == '~' {
		start++
	}
	if src[end-1] == '~' {
		end--
	}
	inner := src[start:end]
	if nested, ok := e.Wrapped.(*hclsyntax.TemplateWrapExpr); ok && quoted(src, nested.SrcRange) {
		inner = slices.Concat(src[start:nested.SrcRange.Start.Byte], unwrap(src, nested), src[nested.SrcRange.End.Byte:end])
	}
	bare := bytes.TrimSpace(inner)
	lines := bytes.ContainsRune(inner, '\n')
	if bytes.ContainsRune(bare, '\n') || lines && bytes.ContainsAny(bare, "#/") {
		return slices.Concat([]byte("("), inner, []byte(")"))
	}
	return bare
}
