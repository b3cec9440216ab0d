package junit_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/junit"
	"github.com/stagegate/stagegate/sdk"
)

const pytestLike = `<?xml version="1.0" encoding="utf-8"?>
<testsuites name="all">
  <testsuite name="unit" tests="4">
    <properties><property name="seed" value="1"/></properties>
    <testcase classname="tests.shape" name="test_square" time="0.5"/>
    <testcase name="test_circle" time="1,234.25">
      <failure message="assert 3 == 4">assert 3 == 4
at shape.py:9</failure>
    </testcase>
    <testsuite name="inner">
      <testcase name="test_skipped"><skipped message="no GPU"/></testcase>
    </testsuite>
    <testcase name="test_broken" time="NaN">
      <system-out>noise</system-out>
      <error>segmentation fault</error>
      <failure message="after that"/>
    </testcase>
  </testsuite>
</testsuites>`

func TestRead(t *testing.T) {
	t.Parallel()
	var r junit.Report
	if err := r.Read(strings.NewReader(pytestLike)); err != nil {
		t.Fatal(err)
	}
	want := []sdk.TestCase{
		{Suite: "tests.shape", Name: "test_square", Verdict: sdk.CasePassed, Seconds: 0.5},
		{Suite: "unit", Name: "test_circle", Verdict: sdk.CaseFailed, Seconds: 1234.25, Message: "assert 3 == 4\nassert 3 == 4\nat shape.py:9"},
		{Suite: "inner", Name: "test_skipped", Verdict: sdk.CaseSkipped},
		{Suite: "unit", Name: "test_broken", Verdict: sdk.CaseBroken, Message: "segmentation fault"},
	}
	if diff := cmp.Diff(want, r.Cases); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
	if got, want := r.Count(), (junit.Counts{Passed: 1, Failed: 1, Skipped: 1, Broken: 1}); got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
}

func TestReadSeveralFiles(t *testing.T) {
	t.Parallel()
	var r junit.Report
	for range 2 {
		if err := r.Read(strings.NewReader(`<testsuite name="s"><testcase name="a"/></testsuite>`)); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Cases) != 2 {
		t.Errorf("there are %d cases, want 2", len(r.Cases))
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"nothing":       {"", "holds no XML element"},
		"not XML":       {"1 passed, 0 failed", "holds no XML element"},
		"HTML":          {"<html></html>", "the root element is <html>"},
		"two roots":     {"<testsuite/><testsuite/>", "one root"},
		"cut off":       {`<testsuite><testcase name="a"`, "unexpected EOF"},
		"open case":     {`<testsuite><testcase name="a">`, "unexpected EOF"},
		"wrong end":     {`<testsuite><testcase></testsuite>`, "closed by"},
		"entity":        {`<!DOCTYPE x [<!ENTITY a "b">]><testsuite><testcase name="&a;"/></testsuite>`, "invalid character entity"},
		"other charset": {`<?xml version="1.0" encoding="utf-16"?><testsuite/>`, "utf-16"},
		"deep suites":   {strings.Repeat("<testsuite>", 100), "nested deeper than 64"},
		"deep failure":  {"<testsuite><testcase><failure>" + strings.Repeat("<b>", 100), "nested deeper than 64"},
		"deep noise":    {"<testsuite><properties>" + strings.Repeat("<b>", 100), "nested deeper than 64"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r junit.Report
			err := r.Read(strings.NewReader(tt.in))
			if err == nil {
				t.Fatalf("Read accepted it: %v", r.Cases)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

func TestReadBoundsCount(t *testing.T) {
	t.Parallel()
	var r junit.Report
	in := "<testsuite>" + strings.Repeat("<testcase/>", junit.MaxCases+1) + "</testsuite>"
	if err := r.Read(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), "more than 100000 cases") {
		t.Errorf("one case too many: %v", err)
	}
}

// The bound holds over all files together: many small ones are one large one.
func TestReadBoundsSize(t *testing.T) {
	t.Parallel()
	var r junit.Report
	filler := strings.Repeat(" ", junit.MaxBytes/2)
	for i, want := range []string{"", "larger than 64 MiB"} {
		in := io.MultiReader(strings.NewReader("<testsuite>"), strings.NewReader(filler), strings.NewReader("</testsuite>"))
		err := r.Read(in)
		if (want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("file %d: error is %v, want %q", i+1, err, want)
		}
	}
}

// Whatever a suite holds, its words fit into one message to the runner, the
// counts are right, and the failure at the very end keeps its name.
func TestReadBoundsWords(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString("<testsuite>")
	for i := range 20_000 {
		fmt.Fprintf(&in, `<testcase name="case %d %s"/>`, i, strings.Repeat("n", 400))
	}
	fmt.Fprintf(&in, `<testcase name="last"><failure>%s</failure></testcase></testsuite>`, strings.Repeat("ä", 10_000))
	var r junit.Report
	if err := r.Read(strings.NewReader(in.String())); err != nil {
		t.Fatal(err)
	}
	if got, want := r.Count(), (junit.Counts{Passed: 20_000, Failed: 1}); got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
	words := 0
	for _, c := range r.Cases {
		words += len(c.Suite) + len(c.Name) + len(c.Message)
	}
	if words > 3<<20 {
		t.Errorf("the words take %d bytes", words)
	}
	last := r.Cases[len(r.Cases)-1]
	if last.Name != "last" || len(last.Message) > 4<<10 || !strings.HasSuffix(last.Message, "ä") {
		t.Errorf("the last case is %q with %d bytes of message", last.Name, len(last.Message))
	}
}
