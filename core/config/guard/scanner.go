package guard

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
)

// scanner follows the nesting of a token stream.
type scanner struct {
	levels []level
	run    int // operators since the last separator outside all brackets
	depth  int // levels and open template directives
	loops  int
	melded int // work of joining literal pieces so far
}

// level is one open bracket, quote or template sequence.
type level struct {
	closer     hclsyntax.TokenType
	run        int    // operators since the last separator
	pieces     int    // literal pieces since the last interpolation
	bytes      int    // of these
	loop       bool   // it is a for expression
	directives []bool // open %{if} and %{for}; true is a for
}

// closers pairs what opens a level with what closes it.
func closer(open hclsyntax.TokenType) (hclsyntax.TokenType, bool) {
	switch open {
	case hclsyntax.TokenOBrace:
		return hclsyntax.TokenCBrace, true
	case hclsyntax.TokenOBrack:
		return hclsyntax.TokenCBrack, true
	case hclsyntax.TokenOParen:
		return hclsyntax.TokenCParen, true
	case hclsyntax.TokenOQuote:
		return hclsyntax.TokenCQuote, true
	case hclsyntax.TokenOHeredoc:
		return hclsyntax.TokenCHeredoc, true
	case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		return hclsyntax.TokenTemplateSeqEnd, true
	default:
		return 0, false
	}
}

// step takes one token; follows is the next one that matters.
func (s *scanner) step(t, follows hclsyntax.Token) *diag.Diagnostic {
	if end, ok := closer(t.Type); ok {
		if t.Type == hclsyntax.TokenOBrack {
			s.count() // a[0][0]… nests as deep as it is long
		}
		return s.open(t, follows, end)
	}
	switch t.Type {
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
		hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		s.shut(t.Type)
	case hclsyntax.TokenComma:
		*s.counter() = 0
	case hclsyntax.TokenNewline:
		s.lineBreak()
	case hclsyntax.TokenComment:
		if bytes.HasSuffix(t.Bytes, []byte("\n")) {
			s.lineBreak() // a comment to the end of the line has its break in it
		}
	case hclsyntax.TokenNumberLit:
		return checkNumber(t)
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
		return s.literal(t)
	default:
		if operator(t.Type) {
			s.count()
		}
	}
	if *s.counter() > MaxRun {
		return refuse(t.Range, "Expression too long", fmt.Sprintf(
			"An expression may have %d operators and steps in a row. Move parts of it into locals.", MaxRun))
	}
	return nil
}

func (s *scanner) open(t, follows hclsyntax.Token, end hclsyntax.TokenType) *diag.Diagnostic {
	if n := len(s.levels); n > 0 && end == hclsyntax.TokenTemplateSeqEnd {
		s.levels[n-1].pieces, s.levels[n-1].bytes = 0, 0
	}
	if t.Type == hclsyntax.TokenTemplateControl {
		s.directive(string(follows.Bytes))
	}
	loop := (end == hclsyntax.TokenCBrack || end == hclsyntax.TokenCBrace) &&
		follows.Type == hclsyntax.TokenIdent && bytes.Equal(follows.Bytes, []byte("for"))
	if loop {
		s.loops++
	}
	s.levels = append(s.levels, level{closer: end, loop: loop})
	s.depth++
	if s.depth > MaxDepth {
		return refuse(t.Range, "Nesting too deep", fmt.Sprintf(
			"Brackets, quotes, templates and blocks may be nested %d deep. Move inner parts into locals.", MaxDepth))
	}
	if s.loops > MaxLoops {
		return refuse(t.Range, "Too many nested for expressions", fmt.Sprintf(
			"At most %d for expressions may be nested: each level multiplies the work. Move the inner one into a local.", MaxLoops))
	}
	return nil
}

// shut closes the innermost level. A closer that does not fit is ignored: the
// parser refuses it, and must not have been led deeper until then.
func (s *scanner) shut(end hclsyntax.TokenType) {
	n := len(s.levels) - 1
	if n < 0 || s.levels[n].closer != end {
		return
	}
	top := s.levels[n]
	s.levels = s.levels[:n]
	s.depth -= 1 + len(top.directives)
	if top.loop {
		s.loops--
	}
	for _, loop := range top.directives {
		if loop {
			s.loops--
		}
	}
}

// directive follows %{if …}, %{for …} and their ends, which nest without
// brackets, inside the template around them.
func (s *scanner) directive(word string) {
	if len(s.levels) == 0 {
		return
	}
	top := &s.levels[len(s.levels)-1]
	switch word {
	case "if", "for":
		top.directives = append(top.directives, word == "for")
		s.depth++
		if word == "for" {
			s.loops++
		}
	case "endif", "endfor":
		n := len(top.directives) - 1
		if n < 0 {
			return
		}
		if top.directives[n] {
			s.loops--
		}
		top.directives = top.directives[:n]
		s.depth--
	}
}

func (s *scanner) counter() *int {
	if len(s.levels) == 0 {
		return &s.run
	}
	return &s.levels[len(s.levels)-1].run
}

// lineBreak ends an expression, but not inside parentheses and lists.
func (s *scanner) lineBreak() {
	if len(s.levels) == 0 || s.levels[len(s.levels)-1].closer == hclsyntax.TokenCBrace {
		*s.counter() = 0
	}
}

func (s *scanner) count() { *s.counter()++ }

func operator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr,
		hclsyntax.TokenBang, hclsyntax.TokenQuestion, hclsyntax.TokenColon, hclsyntax.TokenDot:
		return true
	default:
		return false
	}
}

// literal follows the pieces of a text. Its lines are pieces, and so is each
// lone % or $ in it.
func (s *scanner) literal(t hclsyntax.Token) *diag.Diagnostic {
	if len(s.levels) == 0 {
		return nil
	}
	top := &s.levels[len(s.levels)-1]
	top.pieces++
	top.bytes += len(t.Bytes)
	if top.pieces > 1 {
		s.melded += top.bytes
	}
	if s.melded <= MaxMelding {
		return nil
	}
	return refuse(t.Range, "Text too long", "There are too many lines of text here. Put it into a file beside the pipeline, and use file(…) or the file's path.")
}

// checkNumber keeps out numbers like 1e999999999, which are 1 GB as text.
func checkNumber(t hclsyntax.Token) *diag.Diagnostic {
	exponent := 0
	if i := bytes.IndexAny(t.Bytes, "eE"); i >= 0 {
		exponent = len(bytes.TrimLeft(t.Bytes[i+1:], "+-0"))
	}
	if len(t.Bytes) <= maxNumber && exponent <= maxExponent {
		return nil
	}
	return refuse(t.Range, "Number out of range", fmt.Sprintf(
		"A number may have %d characters and an exponent of %d digits.", maxNumber, maxExponent))
}
