package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/judge"
)

// source is the page's template. All that comes from outside goes through
// html/template, which escapes it for where it stands, in the pictures as well.
//
//go:embed page.gohtml
var source string

// page is what the template shows.
type page struct {
	Report

	Title   string
	Level   string // of the intervals
	Checks  []row  // of whole metrics
	Slices  []slices
	Bounds  *boundPicture
	Forest  *forestPicture
	Trends  []trendPicture
	Latency []curvePicture
	Notes   []row // checks with a reason
	Skipped int   // trends that are not shown
}

// row is one check in words.
type row struct {
	Name, Value, Asked, Baseline, Difference, Method string
	Verdict                                          judge.Verdict
	Reason                                           string
	Samples                                          int64
}

// slices is the table of one metric by one label.
type slices struct {
	Metric, By string
	Compared   bool
	Rows       []sliceRow
}

type sliceRow struct {
	row

	Slice string
	Bar   float64 // from 0 to 100, where the metric is a share
	IsBar bool
}

// Page is the report as one HTML file that needs no other.
func (r Report) Page(past []judge.Past) ([]byte, error) {
	funcs := template.FuncMap{
		"px":    func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) },
		"width": func(from, to float64) float64 { return to - from },
		"word":  word,
		"color": color,
		"class": func(v judge.Verdict) string { return strings.ToLower(string(v)) },
	}
	t, err := template.New("page").Funcs(funcs).Parse(source)
	if err != nil {
		return nil, fmt.Errorf("parse the page: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, r.page(past)); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}

func (r Report) page(past []judge.Past) page {
	p := page{Report: r, Title: cmp.Or(r.Artifact.Name, r.Target), Level: level(r.Checks), Latency: curvesOf(r)}
	var whole []judge.Check
	for _, c := range r.Checks {
		one := rowOf(c)
		if one.Reason != "" {
			p.Notes = append(p.Notes, one)
		}
		if c.By != "" {
			p.slice(c, one)
			continue
		}
		whole = append(whole, c)
		p.Checks = append(p.Checks, one)
	}
	p.Bounds, p.Forest = boundsOf(whole), forestOf(r.Checks)
	p.Trends, p.Skipped = trendsOf(r, past)
	return p
}

func rowOf(c judge.Check) row {
	one := row{Name: NameOf(c), Value: valueOf(c), Asked: asked(c), Verdict: c.Verdict, Reason: c.Reason, Samples: c.Samples, Difference: difference(c)}
	if c.Comparison != nil {
		one.Baseline, one.Method = short(c.Comparison.Baseline), c.Comparison.Method
	}
	return one
}

// slice appends to the table of the check's metric.
func (p *page) slice(c judge.Check, one row) {
	n := len(p.Slices)
	if n == 0 || p.Slices[n-1].Metric != c.Metric || p.Slices[n-1].By != c.By {
		p.Slices = append(p.Slices, slices{Metric: c.Metric, By: c.By})
		n++
	}
	s := sliceRow{row: one, Slice: c.Slice}
	if c.Value != nil && *c.Value >= 0 && *c.Value <= 1 {
		s.Bar, s.IsBar = 100**c.Value, true
	}
	p.Slices[n-1].Compared = p.Slices[n-1].Compared || c.Comparison != nil
	p.Slices[n-1].Rows = append(p.Slices[n-1].Rows, s)
}

// color is that of a verdict where the page's style does not reach: in a picture
// that was taken out of it, or a reader that knows no variables.
func color(v judge.Verdict) string {
	switch v {
	case judge.Pass:
		return "#1a7f37"
	case judge.Warn:
		return "#9a6700"
	case judge.Fail:
		return "#cf222e"
	case judge.Inconclusive:
		return "#6639ba"
	case judge.NotJudged:
	}
	return "#59636e"
}
