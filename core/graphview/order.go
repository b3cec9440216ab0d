package graphview

import (
	"cmp"
	"slices"
)

// sweeps is how often the order of the columns is improved.
const sweeps = 12

// ordering is who stands above whom: for each column the vertices of each
// group, group by group.
type ordering struct {
	*layout
	groups  []*group
	cells   map[*group][][]int // by column
	columns [][]int            // all vertices of a column in order
	rank    []int              // place of each vertex in its column
}

// order finds an order with few crossings: each vertex goes where its
// neighbours are on average, column after column, to and fro.
func (l *layout) order() map[*group][][]int {
	o := &ordering{layout: l, cells: make(map[*group][][]int), columns: make([][]int, l.columns), rank: make([]int, len(l.vertices))}
	o.collect(l.root)
	for i, v := range l.vertices {
		o.cells[v.group][v.column] = append(o.cells[v.group][v.column], i)
	}
	for c := range l.columns {
		o.settle(c)
	}
	best, least := o.copy(), o.crossings()
	for sweep := 0; sweep < sweeps && least > 0; sweep++ {
		if sweep%2 == 0 {
			for c := 1; c < l.columns; c++ {
				o.improve(c, func(v vertex) []int { return v.left })
			}
		} else {
			for c := l.columns - 2; c >= 0; c-- {
				o.improve(c, func(v vertex) []int { return v.right })
			}
		}
		if n := o.crossings(); n < least {
			best, least = o.copy(), n
		}
	}
	return best
}

// collect lists the groups, each before those within it.
func (o *ordering) collect(g *group) {
	o.groups = append(o.groups, g)
	o.cells[g] = make([][]int, len(o.columns))
	for _, child := range g.children {
		o.collect(child)
	}
}

// settle writes down the places of a column's vertices.
func (o *ordering) settle(column int) {
	all := o.columns[column][:0]
	for _, g := range o.groups {
		all = append(all, o.cells[g][column]...)
	}
	o.columns[column] = all
	for place, v := range all {
		o.rank[v] = place
	}
}

// improve sorts a column by where the neighbours on one side are.
func (o *ordering) improve(column int, side func(vertex) []int) {
	wanted := make(map[int]float64, len(o.columns[column]))
	for _, v := range o.columns[column] {
		neighbours := side(o.vertices[v])
		if len(neighbours) == 0 {
			wanted[v] = float64(o.rank[v])
			continue
		}
		sum := 0
		for _, n := range neighbours {
			sum += o.rank[n]
		}
		wanted[v] = float64(sum) / float64(len(neighbours))
	}
	for _, g := range o.groups {
		slices.SortStableFunc(o.cells[g][column], func(a, b int) int { return cmp.Compare(wanted[a], wanted[b]) })
	}
	o.settle(column)
}

func (o *ordering) copy() map[*group][][]int {
	out := make(map[*group][][]int, len(o.cells))
	for g, columns := range o.cells {
		for _, cell := range columns {
			out[g] = append(out[g], slices.Clone(cell))
		}
	}
	return out
}

// crossings counts the pairs of lines between neighbouring columns that cross.
func (o *ordering) crossings() int {
	total := 0
	for c := 0; c+1 < len(o.columns); c++ {
		counts := make([]int, len(o.columns[c+1])+1) // a Fenwick tree of ends so far
		seen := 0
		for _, v := range o.columns[c] {
			ends := make([]int, 0, len(o.vertices[v].right))
			for _, n := range o.vertices[v].right {
				ends = append(ends, o.rank[n])
			}
			for _, end := range ends {
				notAbove := 0
				for i := end + 1; i > 0; i -= i & -i {
					notAbove += counts[i]
				}
				total += seen - notAbove
			}
			for _, end := range ends {
				for i := end + 1; i < len(counts); i += i & -i {
					counts[i]++
				}
			}
			seen += len(ends)
		}
	}
	return total
}
