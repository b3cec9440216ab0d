// Package format writes HCL in its canonical form. It changes blanks, and the
// two spellings that are written in two ways for no reason: labels without
// quotes, and templates that are nothing but one expression. It reads and
// writes no file, and refuses what the parser may not see.
package format

import (
	"bytes"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
)

// Source is the canonical form of a file. Formatting it once more changes
// nothing. A file with mistakes has none: the diagnostics say why.
func Source(filename string, src []byte) ([]byte, diag.List) {
	body, diags := guard.Parse(filename, src)
	if diags.HasErrors() || body == nil {
		return nil, diags
	}
	respelt := respell(src, body)
	if len(respelt) > 0 && respelt[len(respelt)-1] != '\n' {
		respelt = slices.Concat(respelt, []byte(lineEnd(src)))
	}
	out := settle(respelt)
	if !sameTokens(respelt, out) {
		whole := hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos}
		diags.Append(&whole, "File cannot be formatted safely",
			"Formatting it would change more than blanks, which is a mistake of the runner. The file is left as it is; please report it.")
		return nil, diags
	}
	return out, diags
}

// settle formats until nothing changes: the library aligns some odd lines one
// step at a time.
func settle(src []byte) []byte {
	const most = 10
	out := hclwrite.Format(src)
	for range most {
		again := hclwrite.Format(out)
		if bytes.Equal(again, out) {
			break
		}
		out = again
	}
	return out
}

// lineEnd is how the lines of a source end. It is kept: in a heredoc it is part
// of a value.
func lineEnd(src []byte) string {
	if bytes.Contains(src, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// sameTokens reports whether two sources differ in blanks only.
func sameTokens(a, b []byte) bool {
	x, _ := hclsyntax.LexConfig(a, "", hcl.InitialPos) // it has been parsed
	y, problems := hclsyntax.LexConfig(b, "", hcl.InitialPos)
	return !problems.HasErrors() && slices.EqualFunc(x, y, func(a, b hclsyntax.Token) bool {
		return a.Type == b.Type && bytes.Equal(a.Bytes, b.Bytes)
	})
}
