// Package guard refuses HCL that would exhaust the recursive parser or the
// evaluator. HCL's parser has no depth limit, and a goroutine that overflows
// its stack ends the process whatever recover does; its lexer is iterative, so
// the shape of a file is checked on tokens before anything recurses.
package guard

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
)

// The bounds. They are far above what a person writes: 1,000 stages are about
// 70,000 tokens in 320 KiB.
const (
	MaxFileBytes  = 1 << 20
	MaxTotalBytes = 8 << 20
	MaxTokens     = 300_000   // in one file
	MaxAllTokens  = 1_500_000 // in one pipeline
	MaxDepth      = 64        // brackets, quotes, templates and blocks
	MaxRun        = 256       // operators and steps in one expression
	MaxLoops      = 2         // for inside for
	// MaxMelding bounds literal pieces times their bytes in one file: the
	// parser joins the lines of a text one by one, in quadratic time.
	MaxMelding = 128 << 20

	maxNumber   = 64 // characters of a number
	maxExponent = 3  // digits of a number's exponent
)

// Check reports the first reason not to parse src, or nil. Start is where src
// begins: hcl.InitialPos for a whole file.
func Check(filename string, src []byte, start hcl.Pos) *diag.Diagnostic {
	d, _ := inspect(filename, src, start)
	return d
}

// inspect is Check; where it finds nothing, cuts are those of plain.
func inspect(filename string, src []byte, start hcl.Pos) (d *diag.Diagnostic, cuts []int) {
	whole := hcl.Range{Filename: filename, Start: start, End: start}
	if len(src) > MaxFileBytes {
		return refuse(whole, "File too large", fmt.Sprintf(
			"%s has %d bytes; at most %d are read. Split the pipeline over several files, and keep data out of it.",
			filename, len(src), MaxFileBytes)), nil
	}
	if n := Tokens(src); n > MaxTokens {
		return refuse(whole, "Too many tokens", fmt.Sprintf(
			"%s has about %d names, operators and brackets; at most %d are read. Split the pipeline over several files.",
			filename, n, MaxTokens)), nil
	}
	if cuts, ok := plain(src, pieceBytes); ok {
		return nil, cuts
	}
	return lex(filename, src, start), nil
}

// lex checks the tokens.
func lex(filename string, src []byte, start hcl.Pos) *diag.Diagnostic {
	tokens, diags := hclsyntax.LexConfig(src, filename, start)
	if diags.HasErrors() {
		return nil // the parser says it better, and stops there
	}
	s := scanner{}
	ahead := 0
	for i, token := range tokens {
		ahead = next(tokens, max(ahead, i+1))
		follows := hclsyntax.Token{Type: hclsyntax.TokenEOF}
		if ahead < len(tokens) {
			follows = tokens[ahead]
		}
		if d := s.step(token, follows); d != nil {
			return d
		}
	}
	return nil
}

// Tokens is an upper bound on the number of tokens that costs one pass.
func Tokens(src []byte) int {
	n, inWord := 0, false
	for _, b := range src {
		word := b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
		blank := b == ' ' || b == '\t' || b == '\r'
		if !blank && (!word || !inWord) {
			n++
		}
		inWord = word
	}
	return n
}

// next is where, from i on, the first token is that is neither a line break nor
// a comment.
func next(tokens hclsyntax.Tokens, i int) int {
	for i < len(tokens) && passedOver(tokens[i]) {
		i++
	}
	return i
}

func passedOver(t hclsyntax.Token) bool {
	return t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenComment
}

func refuse(at hcl.Range, summary, detail string) *diag.Diagnostic {
	return &diag.Diagnostic{Severity: diag.Error, Summary: summary, Detail: detail, Subject: &at}
}
