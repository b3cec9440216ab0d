package tests

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
)

// coverage counts lines with something to evaluate.
type coverage struct{ reached, all int }

// percent is 100 where there is nothing to reach.
func (c coverage) percent() float64 {
	if c.all == 0 {
		return 100
	}
	return 100 * float64(c.reached) / float64(c.all)
}

// fileCoverage is what tests reach of one file of rules.
type fileCoverage struct {
	name   string
	lines  coverage
	missed []int // lines, in order
}

// coverageOf counts, for each file of rules, each line once: one with something
// that no test reaches is missed.
func coverageOf(covered *cover.Cover, rules map[string]*ast.Module) ([]fileCoverage, coverage) {
	report := covered.Report(rules)
	var out []fileCoverage
	var total coverage
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		file := report.Files[name]
		if file == nil {
			continue
		}
		missed, all := make(map[int]bool), make(map[int]bool)
		for _, r := range file.NotCovered {
			for row := r.Start.Row; row <= r.End.Row; row++ {
				missed[row], all[row] = true, true
			}
		}
		for _, r := range file.Covered {
			for row := r.Start.Row; row <= r.End.Row; row++ {
				all[row] = true
			}
		}
		one := fileCoverage{name: name, lines: coverage{len(all) - len(missed), len(all)}, missed: slices.Sorted(maps.Keys(missed))}
		total.reached, total.all = total.reached+one.lines.reached, total.all+one.lines.all
		out = append(out, one)
	}
	return out, total
}

// ranges are lines in the words of people: 3, 7-9.
func ranges(lines []int) string {
	var out []string
	for i := 0; i < len(lines); {
		last := i
		for last+1 < len(lines) && lines[last+1] == lines[last]+1 {
			last++
		}
		if text := fmt.Sprint(lines[i]); last > i {
			out = append(out, fmt.Sprintf("%s-%d", text, lines[last]))
		} else {
			out = append(out, text)
		}
		i = last + 1
	}
	return strings.Join(out, ", ")
}
