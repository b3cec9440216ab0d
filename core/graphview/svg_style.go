package graphview

import (
	"fmt"
	"slices"
	"strings"
)

// style has one palette for light and one for dark: kinds have a colour and an
// icon, statuses a colour and a sign.
const style = `<style>
svg{--page:#fff;--card:#fff;--line:#d0d7de;--ink:#1f2328;--soft:#59636e;--box:#f6f8fa;--edge:#8c959f;--gate:#8250df;--builder:#0969da;--tester:#1a7f37;--policy:#8250df;--deployer:#bc4c00;--good:#1a7f37;--bad:#d1242f;--warn:#9a6700}
@media(prefers-color-scheme:dark){svg{--page:#0d1117;--card:#161b22;--line:#3d444d;--ink:#f0f6fc;--soft:#9198a1;--box:#12171e;--edge:#6e7681;--gate:#ab7df8;--builder:#4493f8;--tester:#3fb950;--policy:#ab7df8;--deployer:#f0883e;--good:#3fb950;--bad:#f85149;--warn:#d29922}}
text{font-family:-apple-system,BlinkMacSystemFont,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;fill:#1f2328;fill:var(--ink)}
.page{fill:#fff;fill:var(--page)}
.head{font-size:18px;font-weight:600}
.sub{font-size:14px;fill:#59636e;fill:var(--soft)}
.label{font-size:14px;font-weight:600}
.uses,.state,.group,.key{font-size:11.5px;fill:#59636e;fill:var(--soft)}
.group{font-weight:600}
.card{fill:#fff;fill:var(--card);stroke:#d0d7de;stroke:var(--line);stroke-width:1.2}
.box{fill:#f6f8fa;fill:var(--box);stroke:#d0d7de;stroke:var(--line);stroke-width:1;stroke-dasharray:5 4}
.edge{fill:none;stroke:#8c959f;stroke:var(--edge);stroke-width:1.4}
.waits{stroke-dasharray:2 4;stroke-width:1.2}
.governs{stroke:#8250df;stroke:var(--gate);stroke-width:2.2}
.tip{fill:#8c959f;fill:var(--edge)}
.tip-governs{fill:#8250df;fill:var(--gate)}
.builder{color:#0969da;color:var(--builder)}
.tester{color:#1a7f37;color:var(--tester)}
.policy,.gate{color:#8250df;color:var(--policy)}
.deployer{color:#bc4c00;color:var(--deployer)}
.other{color:#59636e;color:var(--soft)}
.good .card{stroke:#1a7f37;stroke:var(--good);stroke-width:1.8}
.bad .card{stroke:#d1242f;stroke:var(--bad);stroke-width:1.8}
.warn .card{stroke:#9a6700;stroke:var(--warn);stroke-width:1.8}
.good .state{fill:#1a7f37;fill:var(--good)}
.bad .state{fill:#d1242f;fill:var(--bad)}
.warn .state{fill:#9a6700;fill:var(--warn)}
.idle .card{stroke-dasharray:4 3}
</style>
`

// icons are drawn in the colour of what they stand in.
const icons = `<defs>
<symbol id="sg-builder" viewBox="0 0 16 16"><path d="M8 1.2 14 4.6v6.8L8 14.8 2 11.4V4.6zM2 4.6 8 8l6-3.4M8 8v6.8" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"/></symbol>
<symbol id="sg-tester" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M5 8.2 7.2 10.4 11.2 6" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sg-policy" viewBox="0 0 16 16"><path d="M8 1.2 13.6 3.2V7.6C13.6 11 11.2 13.6 8 14.8 4.8 13.6 2.4 11 2.4 7.6V3.2z" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"/><path d="M8 5v3.6M8 10.7v.4" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/></symbol>
<symbol id="sg-deployer" viewBox="0 0 16 16"><path d="M8 10.5V2M4.6 5.2 8 1.8l3.4 3.4M2 10v3.2c0 .6.4 1 1 1h10c.6 0 1-.4 1-1V10" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sg-other" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" stroke-width="1.5"/></symbol>
<marker id="sg-needs" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 .6 7.4 4 0 7.4z"/></marker>
<marker id="sg-waits" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 .6 7.4 4 0 7.4z"/></marker>
<marker id="sg-governs" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto"><path class="tip-governs" d="M0 .6 7.4 4 0 7.4z"/></marker>
</defs>
`

func kinds() []string { return []string{"builder", "tester", "policy", "deployer"} }

// kindClass is a kind that there is a style for.
func kindClass(kind string) string {
	if slices.Contains(kinds(), kind) {
		return kind
	}
	return "other"
}

// statusClass is how a status is drawn, after a blank.
func statusClass(status string) string {
	switch sign(status) {
	case "✓":
		return " good"
	case "✗":
		return " bad"
	case "!":
		return " warn"
	case "–":
		return " idle"
	default:
		return ""
	}
}

// sign stands before a status.
func sign(status string) string {
	switch status {
	case "":
		return ""
	case "succeeded":
		return "✓"
	case "failed", "errored", "denied":
		return "✗"
	case "cancelled", "interrupted", "unknown":
		return "!"
	case "skipped", "pending":
		return "–"
	default:
		return "•"
	}
}

// legend explains what occurs, on a line.
func (c *canvas) legend(y float64) (text string, width float64) {
	var out strings.Builder
	x := margin
	word := func(text string) {
		fmt.Fprintf(&out, `<text class="key" x="%s" y="%s">%s</text>`, num(x), num(y+12), text)
		x += widthOf(text, smallSize, false) + 22
	}
	for _, kind := range kinds() {
		if slices.ContainsFunc(c.Nodes, func(n Node) bool { return n.Kind == kind }) {
			fmt.Fprintf(&out, `<g class="%s"><use href="#sg-%s" x="%s" y="%s" width="14" height="14"/></g>`, kind, kind, num(x), num(y+1))
			x += 20
			word(kind)
		}
	}
	for _, line := range []struct {
		relation    Relation
		class, text string
	}{{Needs, "needs", "needed by"}, {Waits, "waits", "looked at by the policy"}, {Governs, "governs", "governs"}} {
		if slices.ContainsFunc(c.drawn, func(l link) bool { return l.relation == line.relation }) {
			fmt.Fprintf(&out, `<path class="edge %s" d="M%s %sh22" marker-end="url(#sg-%s)"/>`, line.class, num(x), num(y+8), line.class)
			x += 34
			word(line.text)
		}
	}
	out.WriteByte('\n')
	return out.String(), x + margin - 22
}
