package sdk

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Version of this package, for messages.
const Version = "0.1.0"

// Plugin is a binary and what it offers.
type Plugin struct {
	Name      string // the part of the file name after runner-plugin-
	Version   string // semantic version
	Builders  []Builder
	Testers   []Tester
	Policies  []Policy
	Deployers []Deployer
}

// offered is one component with its kind.
type offered struct {
	kind      pluginv1.Kind
	component Component
}

func (p Plugin) offers() []offered {
	var all []offered
	for _, c := range p.Builders {
		all = append(all, offered{pluginv1.Kind_KIND_BUILDER, c})
	}
	for _, c := range p.Testers {
		all = append(all, offered{pluginv1.Kind_KIND_TESTER, c})
	}
	for _, c := range p.Policies {
		all = append(all, offered{pluginv1.Kind_KIND_POLICY, c})
	}
	for _, c := range p.Deployers {
		all = append(all, offered{pluginv1.Kind_KIND_DEPLOYER, c})
	}
	return all
}

// Describe is what the plugin says about itself. An error is a bug of the
// plugin: a schema that no pipeline could use.
func (p Plugin) Describe() (*pluginv1.DescribeResponse, error) {
	name := regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	if !name.MatchString(p.Name) {
		return nil, fmt.Errorf("describe plugin: the name %q does not match %s", p.Name, name)
	}
	out := &pluginv1.DescribeResponse{Name: p.Name, Version: p.Version, SdkVersion: Version}
	seen := make(map[string]bool)
	var errs []error
	for _, o := range p.offers() {
		schema := o.component.Schema()
		wire, err := schema.wire(o.kind)
		if err == nil && seen[schema.Name] {
			err = errors.New("the name is taken")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("describe component %s.%s: %w", p.Name, schema.Name, err))
			continue
		}
		seen[schema.Name] = true
		_, wire.Attaches = o.component.(Attacher)
		out.Components = append(out.Components, wire)
	}
	slices.SortFunc(out.Components, func(a, b *pluginv1.Component) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return out, errors.Join(errs...)
}
