package junit

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
)

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return strings.ToValidUTF8(a.Value, "�")
		}
	}
	return ""
}

// seconds reads a duration; some frameworks group thousands with commas.
func seconds(s string) float64 {
	v, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(s), ",", ""), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0
	}
	return v
}

// clip cuts a text to at most n bytes, between characters.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:max(n, 0)], "")
}
