package runstate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

// maxTicket bounds what is read of a ticket: two short lines.
const maxTicket = 64 << 10

// ticket is a stage's place in the line of a concurrency group. All that
// decides whose turn it is is in the name of its file; its content is for
// people: a line when the stage came, and one when it entered.
type ticket struct {
	number int
	run    string
	tail   string
}

type ticketLine struct {
	Stage   string    `json:"stage,omitempty"`
	Arrived time.Time `json:"arrived,omitzero"`
	Entered time.Time `json:"entered,omitzero"`
}

var ticketPattern = regexp.MustCompile(`^([0-9]{12})-([0-9]{8}-[0-9]{6}-[0-9a-z]{4})-([a-z0-9]+)$`)

func parseTicket(name string) (ticket, bool) {
	m := ticketPattern.FindStringSubmatch(name)
	if m == nil {
		return ticket{}, false
	}
	n, err := strconv.Atoi(m[1])
	return ticket{number: n, run: m[2], tail: m[3]}, err == nil
}

func (t ticket) path(dir string) string {
	return filepath.Join(dir, fmt.Sprintf("%012d-%s-%s", t.number, t.run, t.tail))
}

func (t ticket) compare(other ticket) int {
	return cmp.Or(cmp.Compare(t.number, other.number), cmp.Compare(t.run, other.run), cmp.Compare(t.tail, other.tail))
}

// write makes the ticket. Whoever sees it half written knows all that matters.
func (t ticket) write(dir, stage string, now time.Time) error {
	return t.append(dir, os.O_CREATE|os.O_EXCL, ticketLine{Stage: stage, Arrived: now})
}

// enter notes that it is the stage's turn. Nothing is replaced: a name that is
// written again could be missed by whoever reads the folder just then.
func (t ticket) enter(dir string, now time.Time) error {
	return t.append(dir, 0, ticketLine{Entered: now})
}

func (t ticket) append(dir string, flags int, line ticketLine) (err error) {
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode ticket: %w", err)
	}
	f, err := os.OpenFile(t.path(dir), os.O_WRONLY|os.O_APPEND|flags, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Close()); err != nil && flags != 0 {
		err = errors.Join(err, os.Remove(t.path(dir)))
	}
	return err
}

// occupant is who holds the ticket, as far as that can be read.
func (t ticket) occupant(dir string) *event.Occupant {
	out := &event.Occupant{Run: t.run}
	f, err := os.Open(t.path(dir))
	if err != nil {
		return out // it has just left
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	data, _ := io.ReadAll(io.LimitReader(f, maxTicket))
	for text := range bytes.Lines(data) {
		var line ticketLine
		if json.Unmarshal(text, &line) != nil {
			continue
		}
		out.Stage = cmp.Or(out.Stage, line.Stage)
		if !line.Entered.IsZero() {
			out.Since = line.Entered
		}
	}
	return out
}
