package runstate

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/stagegate/stagegate/core/event"
)

// journalState is all that a journal says, and where to go on.
type journalState struct {
	events []event.Event
	chain  chain
	whole  int64 // bytes of whole records
	torn   int64 // bytes behind them
}

// readJournal reads and checks a journal. What is behind the last newline is
// the beginning of a record that was being written when its writer died, unless
// it is a whole record whose newline has been changed. A *CorruptError comes
// with the records before the bad one.
func readJournal(run string, r io.Reader) (journalState, error) {
	s := journalState{chain: newChain(run)}
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(in)
		switch {
		case errors.Is(err, io.EOF):
			s.torn = int64(len(line))
			if n := len(line); n > 0 {
				probe := s.chain
				if _, err := probe.read(line[:n-1]); err == nil {
					return s, s.corrupt(run, "the newline behind it was changed")
				}
			}
			return s, nil
		case errors.Is(err, errLongLine):
			return s, s.corrupt(run, err.Error())
		case err != nil:
			return s, fmt.Errorf("read journal of run %s: %w", run, err)
		}
		e, err := s.chain.read(line[:len(line)-1])
		if err != nil {
			return s, s.corrupt(run, err.Error())
		}
		s.events = append(s.events, e)
		s.whole += int64(len(line))
	}
}

// readFirst reads and checks the first record alone.
func readFirst(run string, r io.Reader) (event.Event, error) {
	s := journalState{chain: newChain(run)}
	line, err := readLine(bufio.NewReaderSize(r, 64<<10))
	switch {
	case errors.Is(err, io.EOF): // none yet, or torn
		return event.Event{}, fmt.Errorf("first event of run %s: %w", run, ErrNotFound)
	case errors.Is(err, errLongLine):
		return event.Event{}, s.corrupt(run, err.Error())
	case err != nil:
		return event.Event{}, fmt.Errorf("read journal of run %s: %w", run, err)
	}
	e, err := s.chain.read(line[:len(line)-1])
	if err != nil {
		return event.Event{}, s.corrupt(run, err.Error())
	}
	return e, nil
}

func (s *journalState) corrupt(run, reason string) error {
	return &CorruptError{Run: run, Record: s.chain.seq + 1, Offset: s.whole, Reason: reason}
}

var errLongLine = fmt.Errorf("it is longer than %d bytes", maxRecord)

// readLine reads through the next newline, within the bound of a record. The
// error is io.EOF when there is no newline any more.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if line == nil && err == nil {
			return part, nil // whole, in the reader's buffer: used before the next read
		}
		line = append(line, part...)
		if len(line) > maxRecord {
			return nil, errLongLine
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
