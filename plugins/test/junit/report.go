package junit

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/stagegate/stagegate/sdk"
)

// What is accepted at most, over all files of one report.
const (
	MaxBytes   = 64 << 20
	MaxCases   = 100_000
	maxDepth   = 64
	maxName    = 512
	maxMessage = 4 << 10
)

// A report travels to the runner in one message, so the words of its cases
// are bounded together. Cases that did not pass have a share of their own:
// they come first when something must be left out.
const (
	roomForPassed = 2 << 20
	roomForFailed = 1 << 20
	caseOverhead  = 24
)

// Report collects the cases of one or more files. The zero value is empty.
type Report struct {
	Cases          []sdk.TestCase
	bytes          int64
	passed, failed int // room taken
}

// Read adds the cases of one file.
func (r *Report) Read(in io.Reader) error {
	bounded := &io.LimitedReader{R: in, N: MaxBytes - r.bytes + 1}
	before := bounded.N
	p := parser{dec: xml.NewDecoder(bounded), report: r}
	err := p.document()
	r.bytes += before - bounded.N
	if r.bytes > MaxBytes {
		return fmt.Errorf("the report is larger than %d MiB", MaxBytes>>20)
	}
	return err
}

// add keeps a case. When there is no room for its words its verdict is kept,
// so that the counts stay right.
func (r *Report) add(c sdk.TestCase) {
	taken, room := &r.passed, roomForPassed
	if c.Verdict == sdk.CaseFailed || c.Verdict == sdk.CaseBroken {
		taken, room = &r.failed, roomForFailed
	}
	cost := len(c.Suite) + len(c.Name) + len(c.Message) + caseOverhead
	if *taken+cost > room {
		r.Cases = append(r.Cases, sdk.TestCase{Verdict: c.Verdict})
		return
	}
	*taken += cost
	r.Cases = append(r.Cases, c)
}

// Counts are the numbers of cases by verdict.
type Counts struct{ Passed, Failed, Skipped, Broken int }

// Count counts the cases.
func (r *Report) Count() Counts {
	var n Counts
	for _, c := range r.Cases {
		switch c.Verdict {
		case sdk.CasePassed:
			n.Passed++
		case sdk.CaseFailed:
			n.Failed++
		case sdk.CaseSkipped:
			n.Skipped++
		case sdk.CaseBroken:
			n.Broken++
		}
	}
	return n
}
