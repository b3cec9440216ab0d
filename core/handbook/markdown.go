package handbook

import (
	"fmt"
	"strings"
)

// Markdown is the page under a heading of a level.
func (c Component) Markdown(level int) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s `%s`\n\n%s\n\nKind: %s. %s\n\n```hcl\n%s```\n",
		strings.Repeat("#", level), c.Name, c.Description, c.Kind, c.interruption(), c.Example)
	writeTable(&out, "Argument", c.Arguments)
	writeBlocks(&out, "", c.Blocks)
	if len(c.Outputs) == 0 {
		out.WriteString("\nIt has no outputs.\n")
	}
	writeTable(&out, "Output", c.Outputs)
	return out.String()
}

// writeBlocks writes blocks, and those within them after each.
func writeBlocks(out *strings.Builder, within string, blocks []Block) {
	for _, b := range blocks {
		fmt.Fprintf(out, "\n**Block `%s%s`** (%s). %s\n", within, b.header(), b.often(), b.Description)
		writeTable(out, "Argument", b.Arguments)
		writeBlocks(out, within+b.header()+" → ", b.Blocks)
	}
}

func writeTable(out *strings.Builder, title string, list []Argument) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(out, "\n| %s | Type | Meaning |\n|---|---|---|\n", title)
	for _, a := range list {
		fmt.Fprintf(out, "| `%s` | %s | %s%s |\n", a.Name, a.Type, a.notes(), Cell(a.Description))
	}
}

// notes are what a reader must know before the description.
func (a Argument) notes() string {
	var out string
	if a.Required {
		out += "**Required.** "
	}
	if a.Sensitive {
		out += "Sensitive. "
	}
	if a.Deprecated != "" {
		out += "Deprecated: " + Cell(a.Deprecated) + " "
	}
	return out
}

// Cell is text that fits a cell of a table.
func Cell(text string) string { return strings.ReplaceAll(oneLine(text), "|", `\|`) }
