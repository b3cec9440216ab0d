package runstate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/stagegate/stagegate/core/event"
)

// Bounds of a record: the diff of a large plan fits, a flood does not.
const (
	maxEvent  = 16 << 20
	maxRecord = maxEvent + 1<<10
)

// chain is the state of a journal between two records. The form of a record is
// fixed to the byte, so that all of it is covered by the chain:
//
//	{"seq":1,"prev":"<hash before>","hash":"<hash>","event":{…}}
//
// with hash = SHA-256 over everything before it on the line and the event.
type chain struct {
	seq  int // of the last record
	prev [sha256.Size * 2]byte
}

// newChain starts with a run's identity, so that one run's journal cannot pass
// for another's.
func newChain(run string) chain {
	var c chain
	sum := sha256.Sum256([]byte("stagegate journal 1\n" + run + "\n"))
	hex.Encode(c.prev[:], sum[:])
	return c
}

// head is the part of the next record before its hash.
func (c *chain) head(dst []byte) []byte {
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendInt(dst, int64(c.seq)+1, 10)
	dst = append(dst, `,"prev":"`...)
	dst = append(dst, c.prev[:]...)
	return append(dst, `","hash":"`...)
}

const afterHash = `","event":`

// encodeEvent is the part of a record that does not depend on the chain.
func encodeEvent(e event.Event) ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.Type, err)
	}
	if len(body) > maxEvent {
		return nil, fmt.Errorf("encode event %s: %d bytes are too many for one record", e.Type, len(body))
	}
	return body, nil
}

// append adds the record of an encoded event, with its newline, to dst.
func (c *chain) append(dst, body []byte) []byte {
	start := len(dst)
	dst = c.head(dst)
	c.advance(dst[start:], body)
	dst = append(dst, c.prev[:]...)
	dst = append(dst, afterHash...)
	dst = append(dst, body...)
	return append(dst, '}', '\n')
}

func (c *chain) advance(head, body []byte) {
	h := sha256.New()
	h.Write(head)
	h.Write(body)
	var sum [sha256.Size]byte
	hex.Encode(c.prev[:], h.Sum(sum[:0]))
	c.seq++
}

// read takes the next record, a line without its newline. On an error the chain
// is as it was.
func (c *chain) read(line []byte) (event.Event, error) {
	var e event.Event
	head := c.head(make([]byte, 0, 128))
	rest, ok := bytes.CutPrefix(line, head)
	const hashLen = 2 * sha256.Size
	if !ok || len(rest) < hashLen+len(afterHash)+1 || string(rest[hashLen:hashLen+len(afterHash)]) != afterHash || rest[len(rest)-1] != '}' {
		return e, fmt.Errorf("it does not follow record %d", c.seq)
	}
	body := rest[hashLen+len(afterHash) : len(rest)-1]
	next := *c
	next.advance(head, body)
	if string(next.prev[:]) != string(rest[:hashLen]) {
		return e, fmt.Errorf("its content does not match its hash")
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("its event cannot be read: %w", err)
	}
	*c = next
	return e, nil
}
