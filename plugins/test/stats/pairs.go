package stats

// Pairs counts what two models did with the same right-or-wrong items. Items
// on which they agree say nothing about which is better.
type Pairs struct {
	Both    int // right by both
	Gained  int // right by the candidate alone
	Lost    int // right by the baseline alone
	Neither int // wrong by both
}

// Add counts one item.
func (p *Pairs) Add(candidate, baseline bool) {
	switch {
	case candidate && baseline:
		p.Both++
	case candidate:
		p.Gained++
	case baseline:
		p.Lost++
	default:
		p.Neither++
	}
}

// N is the number of items.
func (p Pairs) N() int { return p.Both + p.Gained + p.Lost + p.Neither }

// Difference is the candidate's share of right items minus the baseline's.
func (p Pairs) Difference() float64 { return float64(p.Gained-p.Lost) / float64(p.N()) }

// Variance is that of one item's difference, which is 1, 0 or -1.
func (p Pairs) Variance() float64 {
	d := p.Difference()
	return float64(p.Gained+p.Lost)/float64(p.N()) - d*d
}

// McNemar is the exact test of whether two models are right equally often
// (McNemar 1947). Given that they disagree about an item, each of them is
// then right with probability one half.
type McNemar struct {
	TwoSided float64 // any difference
	MidP     float64 // the same, less conservative (Fagerland, Lydersen, Laake 2013)
	Worse    float64 // against the candidate being worse
	Better   float64 // against the candidate being better
}

// McNemar tests the pairs.
func (p Pairs) McNemar() McNemar {
	n := p.Gained + p.Lost
	if n == 0 {
		return McNemar{TwoSided: 1, MidP: 1, Worse: 1, Better: 1}
	}
	m := McNemar{Worse: binomialAbove(p.Lost, n, 0.5), Better: binomialAbove(p.Gained, n, 0.5)}
	tail := min(m.Worse, m.Better)
	m.TwoSided = min(1, 2*tail)
	m.MidP = min(1, 2*tail-binomialPoint(p.Gained, n, 0.5))
	return m
}
