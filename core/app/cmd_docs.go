package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/handbook"
	"github.com/stagegate/stagegate/core/pluginhost"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/view"
	"golang.org/x/sync/errgroup"
)

// docsAnswer is the JSON form of what plugins offer.
type docsAnswer struct {
	Schema      int            `json:"schema"`
	Plugins     []docsPlugin   `json:"plugins"`
	Diagnostics []diag.Message `json:"diagnostics"` // about plugins that cannot be used
}

// docsPlugin is a plugin with those of its components that were asked for.
type docsPlugin struct {
	Name       string               `json:"name"`
	Version    string               `json:"version"`
	Digest     string               `json:"digest"` // of the binary
	Components []handbook.Component `json:"components"`
}

func (a *app) docsCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "docs [COMPONENT]",
		Short: "Show what components can do",
		Long: "Show the reference of a component, from its plugin's own schema: arguments, blocks, outputs and an example.\n" +
			"Without COMPONENT, list the components of all plugins that are installed; with a plugin's name, its own.",
		Example: "  runner docs\n  runner docs build.model\n  runner docs build --format markdown",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.docs(cmd.Context(), strings.Join(args, ""), format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, markdown or json")
	return cmd
}

// docs shows one component, those of one plugin, or a list of all.
func (a *app) docs(ctx context.Context, asked, format string) (err error) {
	if format != "markdown" && checkFormat(format) != nil {
		return usage(fmt.Errorf("unknown format %q: use text, markdown or json", format))
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	host, err := a.pluginHost(ctx, s, nil, redact.New())
	if err != nil {
		return err
	}
	defer a.closeHost(ctx, host, &err)
	plugins, diags, err := describeAll(ctx, host, asked)
	if err != nil {
		return err
	}
	answer := docsAnswer{Schema: view.SchemaVersion, Plugins: plugins, Diagnostics: diags.Messages()}
	if format != "json" {
		a.show(diags, nil)
	}
	err = a.print(format, answer, func() error {
		switch {
		case diags.HasErrors():
		case format == "markdown":
			a.say(answer.markdown())
		case strings.Contains(asked, "."):
			width, _ := terminal(a.Stdout)
			a.say(view.Printable(answer.Plugins[0].Components[0].Text(width)))
		default:
			a.say(view.Printable(answer.list()))
		}
		return nil
	})
	if err == nil && diags.HasErrors() {
		return errShown(exitUsage)
	}
	return err
}

// describeAll asks the plugins that an argument means. When it means all of
// them, one that cannot be used is a warning.
func describeAll(ctx context.Context, host *pluginhost.Host, asked string) ([]docsPlugin, diag.List, error) {
	wanted, component, one := strings.Cut(asked, ".")
	names, severity := []string{wanted}, diag.Error
	if asked == "" {
		names, severity = host.Installed(), diag.Warning
	}
	found, failed := make([]docsPlugin, len(names)), make([]error, len(names))
	var group errgroup.Group
	group.SetLimit(validators)
	for i, name := range names {
		group.Go(func() error {
			found[i], failed[i] = describePlugin(ctx, host, name)
			return nil
		})
	}
	_ = group.Wait() // one that fails does not end the others
	out := []docsPlugin{}
	var diags diag.List
	for i, p := range found {
		if broken, ok := errors.AsType[*engine.PluginError](failed[i]); ok {
			diags = append(diags, diag.Diagnostic{Severity: severity, Summary: pluginSummary(broken), Detail: pluginDetail(broken)})
			continue
		}
		if failed[i] != nil {
			return nil, nil, failed[i]
		}
		if one {
			all := p.names()
			if p.Components = p.only(component); p.Components == nil {
				diags.Append(nil, fmt.Sprintf("Unknown component %q", asked), spelling.Hint(component, all, "components"))
				continue
			}
		}
		out = append(out, p)
	}
	return out, diags, nil
}

func describePlugin(ctx context.Context, host *pluginhost.Host, name string) (docsPlugin, error) {
	d, digest, err := host.Describe(ctx, name)
	if ctx.Err() != nil {
		return docsPlugin{}, context.Cause(ctx)
	}
	if err != nil {
		return docsPlugin{}, err
	}
	p := docsPlugin{Name: name, Version: d.GetVersion(), Digest: digest, Components: []handbook.Component{}}
	for _, c := range d.GetComponents() {
		page, err := handbook.Read(name, c)
		if err != nil {
			return p, &engine.PluginError{Plugin: name, Class: pluginhost.ClassProtocol, Err: err}
		}
		p.Components = append(p.Components, page)
	}
	return p, nil
}

// only is the component of a name, or nothing.
func (p docsPlugin) only(name string) []handbook.Component {
	for _, c := range p.Components {
		if c.Name == p.Name+"."+name {
			return []handbook.Component{c}
		}
	}
	return nil
}

func (p docsPlugin) names() []string {
	var out []string
	for _, c := range p.Components {
		out = append(out, strings.TrimPrefix(c.Name, p.Name+"."))
	}
	return out
}

func (d docsAnswer) markdown() string {
	var pages []string
	for _, p := range d.Plugins {
		for _, c := range p.Components {
			pages = append(pages, c.Markdown(2))
		}
	}
	return strings.Join(pages, "\n")
}

// list has a line for each component.
func (d docsAnswer) list() string {
	var out strings.Builder
	if len(d.Plugins) == 0 {
		return "No plugin was found. Put runner-plugin-<name> next to the runner, or its folder into " + pluginhost.SearchPathVariable + ".\n"
	}
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "COMPONENT\tKIND\tPLUGIN\tWHAT IT DOES")
	for _, p := range d.Plugins {
		for _, c := range p.Components {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Name, c.Kind, p.Name+" "+p.Version, c.Summary)
		}
	}
	_ = t.Flush() // a strings.Builder never fails
	return out.String()
}
