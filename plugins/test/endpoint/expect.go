package endpoint

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
)

// Expect is what a good answer is.
type Expect struct {
	Status   []string // "200", or "2xx"; none means 2xx
	Contains string
	Matches  *regexp.Regexp
}

// ValidStatus reports whether a text can be a status, or a class of them.
func ValidStatus(text string) bool {
	return regexp.MustCompile(`^[1-5]([0-9][0-9]|xx)$`).MatchString(text)
}

func (e Expect) reads() bool { return e.Contains != "" || e.Matches != nil }

func (e Expect) status(resp *http.Response) error {
	code := strconv.Itoa(resp.StatusCode)
	wanted := e.Status
	if len(wanted) == 0 {
		wanted = []string{"2xx"}
	}
	if slices.Contains(wanted, code) || slices.Contains(wanted, code[:1]+"xx") {
		return nil
	}
	text := "status " + code
	if to, err := url.Parse(resp.Header.Get("Location")); resp.StatusCode/100 == 3 && err == nil && to.String() != "" {
		text += ", a redirect"
		if to.Host != "" {
			text += fmt.Sprintf(" to %.100s", to.Host)
		}
	}
	return fault(text)
}

func (e Expect) body(text []byte) error {
	switch {
	case !bytes.Contains(text, []byte(e.Contains)):
		return fault("the answer does not contain what is expected")
	case e.Matches != nil && !e.Matches.Match(text):
		return fault("the answer does not match what is expected")
	}
	return nil
}
