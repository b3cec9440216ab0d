package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Progress is what has become of a letter.
type Progress string

// The stages of a letter.
const (
	ToSend     Progress = "to_send"    // it will be tried, again
	Sent       Progress = "sent"       // it was taken
	Refused    Progress = "refused"    // trying again as it is would not help
	GivenUp    Progress = "given_up"   // it was tried for too long
	Superseded Progress = "superseded" // a later one says more
)

// Letter is one message to one target, or one status to one mark, and what has
// become of it. It names what the operator has configured and holds no address
// or credential.
type Letter struct {
	Schema int    `json:"schema"`
	Key    string `json:"key"`
	// Exactly one of Message and Status is set; Target or Mark names where it
	// goes.
	Target  string   `json:"target,omitempty"`
	Mark    string   `json:"mark,omitempty"`
	Rule    string   `json:"rule,omitempty"`
	Channel string   `json:"channel,omitempty"`
	To      []string `json:"to,omitempty"`
	Message *Message `json:"message,omitempty"`
	Status  *Status  `json:"status,omitempty"`

	Created  time.Time `json:"created"`
	Progress Progress  `json:"progress"`
	Attempts int       `json:"attempts,omitempty"`
	Next     time.Time `json:"next,omitzero"` // not before
	Ended    time.Time `json:"ended,omitzero"`
	Problem  string    `json:"problem,omitempty"` // of the last attempt
}

// Bounds of trying again.
const (
	firstPause = time.Second
	maxPause   = time.Hour
	maxAsked   = 24 * time.Hour // that somebody may ask for with Retry-After
	maxAge     = 72 * time.Hour
)

// Fault is why a letter was not taken.
type Fault struct {
	Err error
	// Final means that trying again as it is would not help.
	Final bool
	// After is how long the other side asks to wait; 0 means that it does not.
	After time.Duration
}

// Error says why.
func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Took notes that it was taken.
func (l *Letter) Took(at time.Time) {
	l.Attempts++
	l.Progress, l.Ended, l.Next, l.Problem = Sent, at, time.Time{}, ""
}

// Failed notes an attempt that failed. The pause doubles each time, and is as
// long as the other side asks for.
func (l *Letter) Failed(at time.Time, why error, clean func(string) string) {
	l.Attempts++
	l.Problem = oneLine(clean(why.Error()), maxLine)
	fault, known := errors.AsType[*Fault](why)
	if known && fault.Final {
		l.Progress, l.Ended, l.Next = Refused, at, time.Time{}
		return
	}
	pause := min(firstPause<<min(l.Attempts-1, 20), maxPause)
	if known {
		pause = max(pause, min(fault.After, maxAsked))
	}
	l.Next = at.Add(pause)
	if l.Next.After(l.Created.Add(maxAge)) {
		l.Progress, l.Ended, l.Next = GivenUp, at, time.Time{}
	}
}

// Supersede notes that a later one says more.
func (l *Letter) Supersede(at time.Time) { l.Progress, l.Ended, l.Next = Superseded, at, time.Time{} }

// Open reports whether it may still be sent.
func (l *Letter) Open() bool { return l.Progress == ToSend }

// Again has one tried now that was refused or has to wait.
func (l *Letter) Again() {
	if l.Progress == Refused || l.Progress == ToSend {
		l.Progress, l.Next, l.Ended = ToSend, time.Time{}, time.Time{}
	}
}

// Stale reports whether a refused letter is too old for anybody to look at.
func (l *Letter) Stale(now time.Time) bool {
	return l.Progress == Refused && now.After(l.Created.Add(maxAge))
}

// Where is where the letter goes, for people.
func (l *Letter) Where() string {
	switch {
	case l.Mark != "":
		return "mark " + l.Mark
	case l.Channel != "":
		return "target " + l.Target + ", " + l.Channel
	default:
		return "target " + l.Target
	}
}

// Name is the letter's in its run: the key may hold what no file name can.
func (l *Letter) Name() string {
	sum := sha256.Sum256([]byte(l.Key))
	return hex.EncodeToString(sum[:16])
}

// Encode is the form that is kept.
func (l *Letter) Encode() ([]byte, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode letter %s: %w", l.Key, err)
	}
	return data, nil
}

// Decode reads a letter.
func Decode(data []byte) (*Letter, error) {
	var l Letter
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, fmt.Errorf("read letter: %w", err)
	}
	if l.Schema != Schema || l.Key == "" || (l.Message == nil) == (l.Status == nil) {
		return nil, errors.New("read letter: it is none of this version")
	}
	return &l, nil
}

// key is the same for the same run, part of it, condition and place.
func key(run string, part int, about string, place ...string) string {
	return fmt.Sprintf("%s.%d.%s.%s", run, part, about, digest(place))
}

// digest tells lists of texts apart, in few characters.
func digest(texts []string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:6])
}
