package graphview

import "math/bits"

// maxBends bounds the bends of long edges. Above it, edges are left out whose
// order others imply, and then long ones are drawn straight.
const maxBends = 20_000

// vertex is a node, or a bend of an edge that passes a column.
type vertex struct {
	node   int // -1 for a bend
	column int
	group  *group
	height float64
	y      float64 // of its middle
	left   []int   // vertices that lead to it
	right  []int   // vertices that it leads to
}

// layout is a graph with a place for everything.
type layout struct {
	vertices []vertex
	columns  int
	paths    []pathOf
	drawn    []link
	root     *group
}

// pathOf is the vertices that a link passes.
type pathOf struct {
	link
	vertices []int
}

// columnsOf puts each node as far to the left as its needs allow, and those that
// need nothing next to the first that needs them.
func columnsOf(n int, links []link) []int {
	column, waiting := make([]int, n), make([]int, n)
	after, before := make([][]int, n), make([][]int, n)
	for _, l := range links {
		after[l.from] = append(after[l.from], l.to)
		before[l.to] = append(before[l.to], l.from)
		waiting[l.to]++
	}
	var order []int
	for i := range n {
		if waiting[i] == 0 {
			order = append(order, i)
		}
	}
	for k := 0; k < len(order); k++ {
		for _, next := range after[order[k]] {
			column[next] = max(column[next], column[order[k]]+1)
			if waiting[next]--; waiting[next] == 0 {
				order = append(order, next)
			}
		}
	}
	for k := len(order) - 1; k >= 0; k-- {
		i := order[k]
		if len(before[i]) > 0 || len(after[i]) == 0 {
			continue
		}
		nearest := column[after[i][0]]
		for _, next := range after[i] {
			nearest = min(nearest, column[next])
		}
		column[i] = max(column[i], nearest-1)
	}
	return column
}

// arrange makes the vertices.
func arrange(g Graph, nodeHeight float64) *layout {
	l := &layout{drawn: g.links()}
	var own []*group
	l.root, own = g.tree()
	column := columnsOf(len(g.Nodes), l.drawn)
	if bends(column, l.drawn) > maxBends {
		l.drawn = reduce(len(g.Nodes), column, l.drawn)
	}
	straight := bends(column, l.drawn) > maxBends
	for i := range g.Nodes {
		l.columns = max(l.columns, column[i]+1)
		l.vertices = append(l.vertices, vertex{node: i, column: column[i], group: own[i], height: nodeHeight})
	}
	for _, link := range l.drawn {
		path := []int{link.from}
		if !straight {
			around := common(own[link.from], own[link.to])
			for c := column[link.from] + 1; c < column[link.to]; c++ {
				path = append(path, len(l.vertices))
				l.vertices = append(l.vertices, vertex{node: -1, column: c, group: around, height: bendHeight})
			}
		}
		path = append(path, link.to)
		if len(path)-1 == column[link.to]-column[link.from] {
			for k := 1; k < len(path); k++ {
				a, b := path[k-1], path[k]
				l.vertices[a].right = append(l.vertices[a].right, b)
				l.vertices[b].left = append(l.vertices[b].left, a)
			}
		}
		l.paths = append(l.paths, pathOf{link, path})
	}
	return l
}

func bends(column []int, links []link) int {
	n := 0
	for _, l := range links {
		n += max(column[l.to]-column[l.from]-1, 0)
	}
	return n
}

// reduce leaves out the needs that follow from others.
func reduce(n int, column []int, links []link) []link {
	byColumn := make([][]int, 0)
	for i, c := range column {
		for len(byColumn) <= c {
			byColumn = append(byColumn, nil)
		}
		byColumn[c] = append(byColumn[c], i)
	}
	before := make([][]int, n)
	for k, l := range links {
		before[l.to] = append(before[l.to], k)
	}
	words := (n + bits.UintSize - 1) / bits.UintSize
	reach := make([]uint, n*words) // what comes before each node, at any distance
	set := func(i int) []uint { return reach[i*words : (i+1)*words] }
	var out []link
	for _, nodes := range byColumn {
		for _, i := range nodes {
			mine := set(i)
			for _, k := range before[i] {
				for w, word := range set(links[k].from) {
					mine[w] |= word
				}
			}
			for _, k := range before[i] {
				from := links[k].from
				if links[k].relation == Governs || mine[from/bits.UintSize]>>(from%bits.UintSize)&1 == 0 {
					out = append(out, links[k])
				}
			}
			for _, k := range before[i] {
				from := links[k].from
				mine[from/bits.UintSize] |= 1 << (from % bits.UintSize)
			}
		}
	}
	return out
}
