package junit_test

import (
	"bytes"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/stagegate/stagegate/plugins/test/junit"
	"github.com/stagegate/stagegate/sdk"
)

// FuzzRead holds what the wire needs of every case: valid UTF-8, bounded
// words, a finite duration and a verdict.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		pytestLike, `<testsuite/>`, `<testsuites><testcase name="a" time="-1"/></testsuites>`,
		`<testsuite><testcase><failure message="a&#10;b"/></testcase></testsuite>`, "<testsuite>\xff</testsuite>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r junit.Report
		if err := r.Read(bytes.NewReader(data)); err != nil {
			return
		}
		for _, c := range r.Cases {
			if !utf8.ValidString(c.Suite) || !utf8.ValidString(c.Name) || !utf8.ValidString(c.Message) {
				t.Errorf("case %+v is not valid UTF-8", c)
			}
			if len(c.Suite) > 512 || len(c.Name) > 512 || len(c.Message) > 4<<10 {
				t.Errorf("case %+v is too long", c)
			}
			if math.IsNaN(c.Seconds) || math.IsInf(c.Seconds, 0) || c.Seconds < 0 {
				t.Errorf("a case took %v seconds", c.Seconds)
			}
			if c.Verdict < sdk.CasePassed || c.Verdict > sdk.CaseBroken {
				t.Errorf("a case has the verdict %d", c.Verdict)
			}
		}
	})
}
