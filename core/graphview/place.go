package graphview

import (
	"cmp"
	"slices"
)

// Distances, in units of the picture.
const (
	bendHeight = 10.0
	rowGap     = 16.0
	bendGap    = 8.0
	boxTop     = 30.0 // room for the title of a group
	boxSide    = 12.0
	boxGap     = 18.0
	rounds     = 10 // of moving vertices towards their neighbours
)

// box is a group's place.
type box struct {
	*group
	first, last int // columns
	top, bottom float64
}

// placement gives heights to everything.
type placement struct {
	*layout
	cells map[*group][][]int
	boxes []box
	floor map[*group][]float64 // by column, where its content ends
}

// place gives each vertex its height, and returns the boxes of the groups,
// outer ones first.
func (l *layout) place() []box {
	p := &placement{layout: l, cells: l.order(), floor: make(map[*group][]float64)}
	p.group(l.root)
	return p.boxes
}

// group places what is directly in a group, and the groups within it below,
// each where there is room in its columns. It returns its columns and height.
func (p *placement) group(g *group) (first, last int, height float64) {
	p.align(g)
	floor := make([]float64, p.columns)
	first, last = p.columns, -1
	for c, cell := range p.cells[g] {
		for _, v := range cell {
			first, last = min(first, c), max(last, c)
			floor[c] = max(floor[c], p.vertices[v].y+p.vertices[v].height/2+boxGap)
		}
	}
	for _, child := range g.children {
		at := len(p.boxes)
		p.boxes = append(p.boxes, box{})
		from, to, tall := p.group(child)
		top := 0.0
		for c := from; c <= to; c++ {
			top = max(top, floor[c])
		}
		bottom := top + boxTop + tall + boxSide
		p.boxes[at] = box{child, from, to, top, bottom}
		p.shift(child, at+1, top+boxTop)
		for c := from; c <= to; c++ {
			floor[c] = bottom + boxGap
		}
		first, last = min(first, from), max(last, to)
	}
	for _, f := range floor {
		height = max(height, f-boxGap)
	}
	return first, last, height
}

// shift moves a group with all in it. Its boxes are those from one on.
func (p *placement) shift(g *group, boxes int, by float64) {
	var move func(*group)
	move = func(g *group) {
		for _, cell := range p.cells[g] {
			for _, v := range cell {
				p.vertices[v].y += by
			}
		}
		for _, child := range g.children {
			move(child)
		}
	}
	move(g)
	for i := boxes; i < len(p.boxes); i++ {
		p.boxes[i].top += by
		p.boxes[i].bottom += by
	}
}

// align moves the vertices of a group towards their neighbours in it, and keeps
// their order and distances.
func (p *placement) align(g *group) {
	cells := p.cells[g]
	for _, cell := range cells {
		p.spread(cell, func(int) (float64, float64) { return 0, 0 })
	}
	for round := range rounds {
		for k := range cells {
			c := k
			if round%2 == 1 {
				c = len(cells) - 1 - k
			}
			p.spread(cells[c], func(v int) (float64, float64) {
				switch {
				case round >= rounds-2:
					return p.pull(g, v, p.vertices[v].left, p.vertices[v].right)
				case round%2 == 0:
					return p.pull(g, v, p.vertices[v].left)
				default:
					return p.pull(g, v, p.vertices[v].right)
				}
			})
		}
	}
	p.compact(cells)
}

// compact begins a group at its top, and takes out the strips that are empty
// from its left to its right.
func (p *placement) compact(cells [][]int) {
	var all []int
	for _, cell := range cells {
		all = append(all, cell...)
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(p.top(a), p.top(b)) })
	shift, bottom := 0.0, 0.0
	for i, v := range all {
		top := p.top(v) // before it moves
		switch {
		case i == 0:
			shift = top
		case top-shift > bottom+2*rowGap:
			shift = top - bottom - 2*rowGap
		}
		p.vertices[v].y -= shift
		bottom = max(bottom, p.top(v)+p.vertices[v].height)
	}
}

func (p *placement) top(v int) float64 { return p.vertices[v].y - p.vertices[v].height/2 }

// pull is where neighbours want a vertex, and how much: long edges want to be
// straight.
func (p *placement) pull(g *group, v int, sides ...[]int) (wanted, weight float64) {
	for _, side := range sides {
		for _, n := range side {
			if p.vertices[n].group != g {
				continue
			}
			w := 1.0
			if p.vertices[v].node < 0 {
				w *= 3
			}
			if p.vertices[n].node < 0 {
				w *= 3
			}
			wanted += w * p.vertices[n].y
			weight += w
		}
	}
	if weight > 0 {
		wanted /= weight
	}
	return wanted, weight
}

// spread puts the vertices of a column as near as it can to where they are
// wanted, in their order and with their distances: neighbours that want to
// overlap move as one.
func (p *placement) spread(cell []int, want func(v int) (wanted, weight float64)) {
	type run struct {
		wanted, weight float64
		n              int
	}
	offsets := make([]float64, len(cell))
	var runs []run
	for i, v := range cell {
		if i > 0 {
			offsets[i] = offsets[i-1] + p.distance(cell[i-1], v)
		}
		wanted, weight := want(v)
		if weight == 0 {
			wanted, weight = p.vertices[v].y, 0.01
		}
		runs = append(runs, run{wanted - offsets[i], weight, 1})
		for len(runs) > 1 && runs[len(runs)-2].wanted >= runs[len(runs)-1].wanted {
			a, b := runs[len(runs)-2], runs[len(runs)-1]
			both := a.weight + b.weight
			runs = append(runs[:len(runs)-2], run{(a.wanted*a.weight + b.wanted*b.weight) / both, both, a.n + b.n})
		}
	}
	i := 0
	for _, r := range runs {
		for range r.n {
			p.vertices[cell[i]].y = r.wanted + offsets[i]
			i++
		}
	}
}

func (p *placement) distance(above, below int) float64 {
	a, b := p.vertices[above], p.vertices[below]
	gap := rowGap
	if a.node < 0 || b.node < 0 {
		gap = bendGap
	}
	return a.height/2 + gap + b.height/2
}
