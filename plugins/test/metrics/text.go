package metrics

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/stagegate/stagegate/sdk"
)

// checkName keeps names and units fit for one line of a terminal.
func checkName(m sdk.Metric) error {
	if m.Name == "" {
		return fmt.Errorf("a metric has an empty name")
	}
	if len(m.Name) > maxName {
		return fmt.Errorf("metric %s: its name is longer than %d bytes", quoted(m.Name), maxName)
	}
	if len(m.Unit) > maxUnit {
		return fmt.Errorf("metric %s: its unit is longer than %d bytes", quoted(m.Name), maxUnit)
	}
	for _, r := range m.Name + m.Unit {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return fmt.Errorf("metric %s: its name or unit has a character that cannot be printed", quoted(m.Name))
		}
	}
	return nil
}

// describe names the kind of a token, as JSON's own words have it.
func describe(tok json.Token) string {
	switch tok.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	}
	if tok == json.Delim('[') {
		return "an array"
	}
	return "an object"
}

func quoted(s string) string { return strconv.Quote(short(s)) }

// short keeps hostile text from filling a message.
func short(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
