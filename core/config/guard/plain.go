package guard

import "bytes"

// plain reports that a source is certainly within the bounds. It exists for
// speed: the lexer takes as long as the parser. It understands what nearly all
// files consist of and answers no to anything else, so a no means nothing, and
// a yes means that Check would find nothing. A fuzz test compares the two.
//
// Cuts are where a plain source can be cut into pieces that are files by
// themselves: behind line breaks that are in no block, at least piece bytes
// from each other.
func plain(src []byte, piece int) (cuts []int, ok bool) {
	if bytes.Contains(src, []byte("<<")) || bytes.Contains(src, []byte("/*")) ||
		bytes.IndexByte(src, '\\') >= 0 || bytes.IndexByte(src, 0) >= 0 {
		return nil, false // heredocs, block comments and escapes change what brackets mean
	}
	p := plainScan{src: src, modes: make([]mode, 1, MaxDepth)}
	last := 0
	for p.at < len(src) {
		if !p.step() || len(p.modes) > MaxDepth {
			return nil, false
		}
		if len(p.modes) == 1 && p.at-last >= piece && src[p.at-1] == '\n' {
			cuts, last = append(cuts, p.at), p.at
		}
	}
	return cuts, len(p.modes) == 1
}

// mode is one open bracket, quote or interpolation; the file itself is the
// first.
type mode struct {
	closer byte // 0 for the file
	run    int  // operators since the last separator
	loop   bool
}

type plainScan struct {
	src    []byte
	at     int
	modes  []mode
	loops  int
	pieces int // of text, in all
}

const (
	interpolation = 'i' // closed by a brace
	maxPieces     = 50  // lone % and $ in texts of one file
)

// step takes one byte or more. False means that Check has to decide.
func (p *plainScan) step() bool {
	c := p.src[p.at]
	top := &p.modes[len(p.modes)-1]
	if top.closer == '"' {
		return p.inText(c)
	}
	switch c {
	case '#':
		p.skipLine()
		return true
	case '/':
		if p.peek(1) == '/' {
			p.skipLine()
			return true
		}
		top.run++
	case '"':
		p.push('"')
	case '(', '[', '{':
		if top.run++; top.run > MaxRun {
			return false // a[0][0]… nests as deep as it is long
		}
		return p.open(c)
	case ')', ']', '}':
		return p.shut(c)
	case ',':
		top.run = 0
	case '\n':
		if top.closer == 0 || top.closer == '}' {
			top.run = 0
		}
	case '$', '%', '\'', '`', ';', '~', '^':
		return false
	case '+', '-', '*', '=', '!', '<', '>', '&', '|', '?', ':', '.':
		top.run++
	default:
		if c >= '0' && c <= '9' {
			return p.number()
		}
		if c >= 0x80 {
			return false // letters and blanks beyond ASCII: rare outside text
		}
	}
	p.at++
	return top.run <= MaxRun
}

func (p *plainScan) peek(n int) byte {
	if p.at+n < len(p.src) {
		return p.src[p.at+n]
	}
	return 0
}

func (p *plainScan) push(closer byte) { p.modes = append(p.modes, mode{closer: closer}) }

// skipLine skips a comment, and leaves its line break.
func (p *plainScan) skipLine() {
	for p.at < len(p.src) && p.src[p.at] != '\n' {
		p.at++
	}
}

// inText takes one byte of a quoted text.
func (p *plainScan) inText(c byte) bool {
	switch c {
	case '\n', '\r':
		return false
	case '"':
		p.modes = p.modes[:len(p.modes)-1]
	case '%':
		if p.pieces++; p.peek(1) == '{' || p.peek(1) == '%' {
			return false
		}
	case '$':
		switch p.peek(1) {
		case '$':
			return false
		case '{':
			p.push(interpolation)
			p.at++
		default:
			p.pieces++
		}
	}
	p.at++
	return p.pieces <= maxPieces
}

func (p *plainScan) open(c byte) bool {
	p.at++
	switch c {
	case '(':
		p.push(')')
		return true
	case '[':
		p.push(']')
	default:
		p.push('}')
	}
	if bytes.HasPrefix(p.follows(), []byte("for")) {
		p.modes[len(p.modes)-1].loop = true
		p.loops++
	}
	return p.loops <= MaxLoops
}

// follows is the source after blanks and comments.
func (p *plainScan) follows() []byte {
	ahead := plainScan{src: p.src, at: p.at}
	for ahead.at < len(ahead.src) {
		switch c := ahead.src[ahead.at]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			ahead.at++
		case c == '#' || c == '/' && ahead.peek(1) == '/':
			ahead.skipLine()
		default:
			return ahead.src[ahead.at:]
		}
	}
	return nil
}

func (p *plainScan) shut(c byte) bool {
	top := p.modes[len(p.modes)-1]
	if top.closer != c && (c != '}' || top.closer != interpolation) {
		return false
	}
	if top.loop {
		p.loops--
	}
	p.modes = p.modes[:len(p.modes)-1]
	p.at++
	return true
}

// number takes a run of digits, and no exponent.
func (p *plainScan) number() bool {
	start := p.at
	for p.at < len(p.src) && (p.src[p.at] >= '0' && p.src[p.at] <= '9' || p.src[p.at] == '.') {
		p.at++
	}
	next := p.peek(0)
	return p.at-start <= maxNumber/2 && next != 'e' && next != 'E'
}
