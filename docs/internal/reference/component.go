package reference

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/core/handbook"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

const componentsHead = `<!-- Made by make generate from the plugins' own schemas. Do not edit. -->
# Components

What the stages of a pipeline can do, with the plugins that come with the runner. ` + "`runner docs build.model`" + ` shows the same on a
terminal, for every plugin that is installed. What surrounds a ` + "`with`" + ` block is in [pipelines.md](pipelines.md).

An *artifact* is the object that [a builder hands on](pipelines.md#artifacts). Arguments that are not required may be left out,
and are null then.

| Component | Kind | What it does |
|---|---|---|
`

// Components is the reference of all components of these plugins.
func Components(plugins []*pluginv1.DescribeResponse) (string, error) {
	var head, pages strings.Builder
	head.WriteString(componentsHead)
	for _, p := range plugins {
		for _, c := range p.GetComponents() {
			if c.GetExample() == "" {
				return "", fmt.Errorf("describe %s.%s: it has no example", p.GetName(), c.GetName())
			}
			page, err := handbook.Read(p.GetName(), c)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&head, "| [`%s`](#%s) | %s | %s |\n", page.Name, strings.ReplaceAll(page.Name, ".", ""), page.Kind, handbook.Cell(page.Summary))
			pages.WriteString("\n" + page.Markdown(2))
		}
	}
	return head.String() + pages.String(), nil
}
