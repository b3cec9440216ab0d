package guard

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
)

// Parse parses a file that the guard lets through. The body may be there in
// part when there are mistakes, and is nil when the file is refused.
func Parse(filename string, src []byte) (*hclsyntax.Body, diag.List) {
	if d := Check(filename, src, hcl.InitialPos); d != nil {
		return nil, diag.List{*d}
	}
	parsed, problems := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	body, _ := parsed.Body.(*hclsyntax.Body)
	return body, diag.FromHCL(firstCauses(problems))
}

// firstCauses leaves out what follows from a string that has no end: from there
// on the parser sees text as code and code as text.
func firstCauses(problems hcl.Diagnostics) hcl.Diagnostics {
	for i, p := range problems {
		if p.Summary == "Invalid multi-line string" || p.Summary == "Unterminated template string" {
			return problems[:i+1]
		}
	}
	return problems
}
