package guard

import (
	"bytes"
	"runtime"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
	"golang.org/x/sync/errgroup"
)

// pieceBytes is how large the pieces are at least that a file is parsed in.
const pieceBytes = 32 << 10

// Parse parses a file that the guard lets through. The body may be there in
// part when there are mistakes, and is nil when the file is refused.
func Parse(filename string, src []byte) (*hclsyntax.Body, diag.List) {
	d, cuts := inspect(filename, src, hcl.InitialPos)
	if d != nil {
		return nil, diag.List{*d}
	}
	if body := inPieces(filename, src, cuts); body != nil {
		return body, nil
	}
	parsed, problems := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	body, _ := parsed.Body.(*hclsyntax.Body)
	return body, diag.FromHCL(firstCauses(problems))
}

// inPieces parses a large file on all processors, or returns nil where that
// finds anything that is not right: parsed as a whole, it is said best. A body
// is what it would be of the whole file; a fuzz test compares the two.
func inPieces(filename string, src []byte, cuts []int) *hclsyntax.Body {
	if len(cuts) == 0 || cuts[0] == len(src) {
		return nil
	}
	if cuts[len(cuts)-1] != len(src) {
		cuts = append(cuts, len(src))
	}
	bodies := make([]*hclsyntax.Body, len(cuts))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	start := hcl.InitialPos
	for i, end := range cuts {
		at, piece := start, src[start.Byte:end]
		group.Go(func() error {
			parsed, problems := hclsyntax.ParseConfig(piece, filename, at)
			if len(problems) == 0 {
				bodies[i], _ = parsed.Body.(*hclsyntax.Body)
			}
			return nil
		})
		start = hcl.Pos{Line: start.Line + bytes.Count(piece, []byte("\n")), Column: 1, Byte: end}
	}
	_ = group.Wait() // no body says that a piece was not right
	return joined(bodies)
}

// joined is one body of the pieces' bodies, or nil when they do not make one.
func joined(bodies []*hclsyntax.Body) *hclsyntax.Body {
	var whole *hclsyntax.Body
	for _, b := range bodies {
		switch {
		case b == nil:
			return nil
		case whole == nil:
			whole = b
			continue
		}
		for name, attribute := range b.Attributes {
			if whole.Attributes[name] != nil {
				return nil // it is there twice
			}
			whole.Attributes[name] = attribute
		}
		whole.Blocks = append(whole.Blocks, b.Blocks...)
		whole.SrcRange.End, whole.EndRange = b.SrcRange.End, b.EndRange
	}
	return whole
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
