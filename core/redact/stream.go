package redact

// Stream is one redacted stream. It is used from one goroutine at a time.
type Stream struct {
	redactor *Redactor
	next     func([]byte) error

	held    []byte // input that a secret may begin in
	covered int    // how much of held belongs to a secret already
	masked  bool   // the last that was handed on is a mask, and held follows it
	out     []byte
}

// Write redacts p. It holds back only the longest end of the stream that may be
// the beginning of a secret.
func (s *Stream) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	m := s.redactor.matcher()
	if m.empty() && len(s.held) == 0 {
		return len(p), s.next(p)
	}
	text := p
	if len(s.held) > 0 {
		text = append(s.held, p...)
	}
	if err := s.pass(m, text, m.undecided(text)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush hands on what was held back: nothing follows that could make a secret
// of it. The stream can be used further.
func (s *Stream) Flush() error {
	if len(s.held) == 0 {
		return nil
	}
	return s.pass(s.redactor.matcher(), s.held, len(s.held))
}

// pass hands text[:upTo] on, with masks, and holds back the rest.
func (s *Stream) pass(m *matcher, text []byte, upTo int) error {
	s.out = s.out[:0]
	from, until := 0, s.covered // text[:from] is done; text[:until] belongs to a secret
	if until > 0 {
		s.mask()
		from = until
	}
	if !m.empty() {
		m.find(text, func(start, end int) {
			if start >= upTo || end <= until {
				return // it will be found again, or is masked already
			}
			if start > from {
				s.out = append(s.out, text[from:start]...)
				s.masked = false
			}
			s.mask()
			from, until = end, end
		})
	}
	if from < upTo {
		s.out = append(s.out, text[from:upTo]...)
		s.masked = false
	}
	s.covered = max(0, until-upTo)
	s.held = append(s.held[:0], text[upTo:]...)
	if len(s.out) == 0 {
		return nil
	}
	return s.next(s.out)
}

// mask writes one mask for secrets that touch or overlap.
func (s *Stream) mask() {
	if !s.masked {
		s.out = append(s.out, Mask...)
		s.masked = true
	}
}
