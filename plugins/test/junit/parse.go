package junit

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stagegate/stagegate/sdk"
)

// parser walks the elements of one file. Only the open suites and the open
// case are held.
type parser struct {
	dec    *xml.Decoder
	report *Report
	suites []string
	depth  int
}

func (p *parser) document() error {
	seen := false
	for {
		tok, err := p.dec.Token()
		if errors.Is(err, io.EOF) {
			if !seen {
				return errors.New("the file holds no XML element")
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("read XML: %w", err)
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if name := start.Name.Local; seen || (name != "testsuites" && name != "testsuite") {
			return fmt.Errorf("the root element is <%s>; a JUnit report has one root, <testsuites> or <testsuite>", clip(name, 60))
		}
		seen = true
		if err := p.element(start); err != nil {
			return err
		}
	}
}

// element reads one suite, one case, or skips what is neither.
func (p *parser) element(start xml.StartElement) error {
	switch start.Name.Local {
	case "testsuites":
		return p.children()
	case "testsuite":
		p.suites = append(p.suites, attribute(start, "name"))
		err := p.children()
		p.suites = p.suites[:len(p.suites)-1]
		return err
	case "testcase":
		return p.testCase(start)
	}
	return p.skip()
}

// children reads up to the end of the open element.
func (p *parser) children() error {
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("the elements are nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	for {
		tok, err := p.dec.Token()
		if err != nil {
			return fmt.Errorf("read XML: %w", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if err := p.element(tok); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

func (p *parser) testCase(start xml.StartElement) error {
	if len(p.report.Cases) == MaxCases {
		return fmt.Errorf("the report has more than %d cases", MaxCases)
	}
	c := sdk.TestCase{
		Suite:   p.suite(start),
		Name:    clip(attribute(start, "name"), maxName),
		Verdict: sdk.CasePassed,
		Seconds: seconds(attribute(start, "time")),
	}
	for {
		tok, err := p.dec.Token()
		if err != nil {
			return fmt.Errorf("read XML: %w", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if err := p.outcome(&c, tok); err != nil {
				return err
			}
		case xml.EndElement:
			p.report.add(c)
			return nil
		}
	}
}

// outcome reads one child of a case. The worst of several counts.
func (p *parser) outcome(c *sdk.TestCase, start xml.StartElement) error {
	var verdict sdk.Verdict
	switch start.Name.Local {
	case "failure":
		verdict = sdk.CaseFailed
	case "error":
		verdict = sdk.CaseBroken
	case "skipped":
		verdict = sdk.CaseSkipped
	default:
		return p.skip()
	}
	text, err := p.text()
	if err != nil {
		return err
	}
	if severity(verdict) <= severity(c.Verdict) {
		return nil
	}
	c.Verdict = verdict
	if verdict != sdk.CaseSkipped {
		c.Message = message(attribute(start, "message"), text)
	}
	return nil
}

func severity(v sdk.Verdict) int {
	switch v {
	case sdk.CaseBroken:
		return 3
	case sdk.CaseFailed:
		return 2
	case sdk.CaseSkipped:
		return 1
	case sdk.CasePassed:
	}
	return 0
}

// message prefers the attribute, which is the short form, and adds what the
// element says beyond it.
func message(short, long string) string {
	short, long = strings.TrimSpace(short), strings.TrimSpace(long)
	m := short
	switch {
	case m == "":
		m = long
	case long != "" && !strings.Contains(short, long):
		m += "\n" + long
	}
	return clip(m, maxMessage)
}

// suite is the name of the innermost suite, or the class that the case names.
func (p *parser) suite(start xml.StartElement) string {
	if class := attribute(start, "classname"); class != "" {
		return clip(class, maxName)
	}
	for i := len(p.suites) - 1; i >= 0; i-- {
		if p.suites[i] != "" {
			return clip(p.suites[i], maxName)
		}
	}
	return ""
}

// text is the character data of the open element, and of those inside it, up
// to what a message may hold.
func (p *parser) text() (string, error) {
	var b strings.Builder
	for depth := 1; depth > 0; {
		tok, err := p.dec.Token()
		if err != nil {
			return "", fmt.Errorf("read XML: %w", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return "", fmt.Errorf("the elements are nested deeper than %d", maxDepth)
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			b.Write(tok[:min(len(tok), max(0, 2*maxMessage-b.Len()))])
		}
	}
	return b.String(), nil
}

func (p *parser) skip() error {
	_, err := p.text()
	return err
}
