package document

// quoted goes over a string.
func (s *scanner) quoted() error {
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return nil
		case c < ' ':
			return s.wrong("a string holds a control character")
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		}
	}
	return s.wrong("the text ends in the middle of a string")
}

// escape goes to the last character of an escape sequence.
func (s *scanner) escape() error {
	s.at++
	if s.at == len(s.text) {
		return s.wrong("the text ends in the middle of a string")
	}
	switch s.text[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			s.at++
			if s.at == len(s.text) || !hex(s.text[s.at]) {
				return s.wrong("a string holds an escape sequence that is none")
			}
		}
		return nil
	}
	return s.wrong("a string holds an escape sequence that is none")
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// number goes over a number, or Python's -Infinity.
func (s *scanner) number() error {
	if s.text[s.at] == '-' {
		if s.at++; s.word("Infinity") {
			return nil
		}
	}
	if s.at < len(s.text) && s.text[s.at] == '0' {
		s.at++
	} else if !s.digits() {
		return s.wrong("it is not valid JSON: a number has no digits")
	}
	if s.at < len(s.text) && s.text[s.at] == '.' {
		if s.at++; !s.digits() {
			return s.wrong("it is not valid JSON: a number ends in a point")
		}
	}
	if s.at < len(s.text) && (s.text[s.at] == 'e' || s.text[s.at] == 'E') {
		s.at++
		if s.at < len(s.text) && (s.text[s.at] == '+' || s.text[s.at] == '-') {
			s.at++
		}
		if !s.digits() {
			return s.wrong("it is not valid JSON: an exponent has no digits")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}
