package reference

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// examples holds one stage for each component, as <plugin>.<component>.hcl.
//
//go:embed example/*.hcl
var examples embed.FS

const componentsHead = `<!-- Made by make generate from the plugins' own schemas. Do not edit. -->
# Components

What the stages of a pipeline can do, with the plugins that come with the runner. A plugin prints the same as JSON:
` + "`runner-plugin-build describe`" + `. What surrounds a ` + "`with`" + ` block is in [pipelines.md](pipelines.md).

An *artifact* is the object that [a builder hands on](pipelines.md#artifacts). Arguments that are not required may be left out,
and are null then.

| Component | Kind | What it does |
|---|---|---|
`

// Components is the reference of all components of these plugins.
func Components(plugins []*pluginv1.DescribeResponse) (string, error) {
	var out strings.Builder
	out.WriteString(componentsHead)
	for _, p := range plugins {
		for _, c := range p.GetComponents() {
			name := p.GetName() + "." + c.GetName()
			fmt.Fprintf(&out, "| [`%s`](#%s) | %s | %s |\n", name, strings.ReplaceAll(name, ".", ""), kind(c), cell(firstSentence(c.GetDescription())))
		}
	}
	for _, p := range plugins {
		for _, c := range p.GetComponents() {
			if err := component(&out, p.GetName()+"."+c.GetName(), c); err != nil {
				return "", err
			}
		}
	}
	return out.String(), nil
}

func component(out *strings.Builder, name string, c *pluginv1.Component) error {
	example, err := fs.ReadFile(examples, "example/"+name+".hcl")
	if err != nil {
		return fmt.Errorf("find the example of %s: %w", name, err)
	}
	fmt.Fprintf(out, "\n## `%s`\n\n%s\n\n%s\n\n```hcl\n%s```\n", name, c.GetDescription(), interruption(c), example)
	if err := block(out, "Argument", c.GetConfig()); err != nil {
		return fmt.Errorf("describe %s: %w", name, err)
	}
	for _, b := range c.GetConfig().GetBlocks() {
		fmt.Fprintf(out, "\n**Block `%s`**%s. %s\n", blockHeader(b), often(b), b.GetBlock().GetDescription())
		if err := block(out, "Argument", b.GetBlock()); err != nil {
			return fmt.Errorf("describe %s, block %s: %w", name, b.GetTypeName(), err)
		}
	}
	if len(c.GetOutputs()) == 0 {
		out.WriteString("\nIt has no outputs.\n")
		return nil
	}
	return attributes(out, "Output", c.GetOutputs())
}

func block(out *strings.Builder, title string, b *pluginv1.Block) error {
	if len(b.GetAttributes()) == 0 {
		return nil
	}
	return attributes(out, title, b.GetAttributes())
}

func attributes(out *strings.Builder, title string, list []*pluginv1.Attribute) error {
	fmt.Fprintf(out, "\n| %s | Type | Meaning |\n|---|---|---|\n", title)
	for _, a := range list {
		ty, err := typeName(a.GetType())
		if err != nil {
			return fmt.Errorf("read the type of %s: %w", a.GetName(), err)
		}
		fmt.Fprintf(out, "| `%s` | %s | %s%s |\n", a.GetName(), ty, notes(a), cell(a.GetDescription()))
	}
	return nil
}

// notes are what a reader must know before the description.
func notes(a *pluginv1.Attribute) string {
	var out string
	if a.GetRequired() {
		out += "**Required.** "
	}
	if a.GetSensitive() {
		out += "Sensitive. "
	}
	if a.GetDeprecated() != "" {
		out += "Deprecated: " + cell(a.GetDeprecated()) + " "
	}
	return out
}

func kind(c *pluginv1.Component) string {
	return strings.ToLower(strings.TrimPrefix(c.GetKind().String(), "KIND_"))
}

func interruption(c *pluginv1.Component) string {
	if c.GetEffect() == pluginv1.Effect_EFFECT_PURE {
		return "Kind: " + kind(c) + ". It may simply run again after an interruption."
	}
	return "Kind: " + kind(c) + ". It changes something outside: after an interruption the runner looks before it starts anything."
}

func blockHeader(b *pluginv1.NestedBlock) string {
	if b.GetNesting() != pluginv1.Nesting_NESTING_MAP {
		return b.GetTypeName()
	}
	return b.GetTypeName() + " \"…\""
}

// often says how often a block may appear, and what its label means.
func often(b *pluginv1.NestedBlock) string {
	var words []string
	switch {
	case b.GetNesting() == pluginv1.Nesting_NESTING_SINGLE && b.GetMinItems() > 0:
		words = append(words, "required")
	case b.GetNesting() == pluginv1.Nesting_NESTING_SINGLE || b.GetMaxItems() == 1:
		words = append(words, "at most once")
	case b.GetMinItems() > 0:
		words = append(words, fmt.Sprintf("at least %d", b.GetMinItems()))
	default:
		words = append(words, "any number")
	}
	if label := strings.TrimSuffix(b.GetLabel(), "."); label != "" {
		words = append(words, "label: "+strings.ToLower(label[:1])+label[1:])
	}
	return " (" + strings.Join(words, "; ") + ")"
}
