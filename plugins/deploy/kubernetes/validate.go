package kubernetes

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/deploy/capacity"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/util/validation"
)

func validate(c sdk.Config) sdk.Diagnostics {
	v := &validator{}
	v.secrets(c)
	v.dnsName(c, "name")
	v.dnsName(c, "namespace")
	v.dnsName(c, "pull_secret")
	v.images(c)
	v.modelPath(c)
	v.count(c, nil, "replicas", maxReplicas)
	v.count(c, nil, "port", 65535)
	v.count(c, nil, "run_as_user", maxUser)
	v.environment(c)
	v.labels(c, "node_selector")
	v.duration(c, "drain", 0, maxDrain)
	v.duration(c, "schedule_timeout", minTimeout, maxTimeout)
	v.duration(c, "ready_timeout", minTimeout, maxTimeout)
	v.patience(c)
	v.gpu(c)
	v.resources(c)
	v.readiness(c)
	v.network(c)
	v.strategy(c)
	v.oneOf(c, "capacity_check", checkRequire, checkWarn)
	return v.found
}

// secrets refuses sensitive values wherever they stand: all that is configured
// becomes part of the plan, which is stored and shown in clear.
func (v *validator) secrets(c sdk.Config) {
	_, marked := c.Value().UnmarkDeepWithPaths()
	for _, place := range marked {
		at, name := pathOf(place.Path), "this argument"
		if len(at) > 0 {
			if attr, ok := at[0].(sdk.Attr); ok {
				name = fmt.Sprintf("%q", string(attr))
			}
		}
		v.found.AddError(at, "a secret would be stored in clear",
			fmt.Sprintf("The value of %s is sensitive, and everything here becomes part of the plan and of the cluster's objects. "+
				"Keep it in a Secret of the namespace and name that in a secret_env block.", name))
	}
}

func pathOf(p cty.Path) sdk.Path {
	var out sdk.Path
	for _, step := range p {
		switch s := step.(type) {
		case cty.GetAttrStep:
			out = append(out, sdk.Attr(s.Name))
		case cty.IndexStep:
			if s.Key.Type() == cty.String {
				out = append(out, sdk.Key(s.Key.AsString()))
				continue
			}
			n, _ := s.Key.AsBigFloat().Int64()
			out = append(out, sdk.Index(n))
		}
	}
	return out
}

func (v *validator) images(c sdk.Config) {
	if c.Known("image") {
		if _, err := imageOf(c.Get("image")); err != nil {
			v.found.AddError(sdk.At(sdk.Attr("image")), "no usable image",
				fmt.Sprintf("The image cannot be used: %v. Give the artifact of a stage that pushes an image, or a reference by digest.", err))
		}
	}
	if model, ok := c.Artifact("artifact"); ok {
		if _, err := pulledFrom(model); err != nil {
			v.found.AddError(sdk.At(sdk.Attr("artifact")), "the model cannot be mounted",
				fmt.Sprintf("The model reaches the pods as an OCI image volume: %v.", err))
		}
	}
}

func (v *validator) modelPath(c sdk.Config) {
	if !c.Set("model_path") {
		return
	}
	p := c.String("model_path")
	if !path.IsAbs(p) || path.Clean(p) != p || p == "/" || p == "/tmp" || strings.Contains(p, ":") {
		v.found.AddError(sdk.At(sdk.Attr("model_path")), fmt.Sprintf("%q is no place for a model", p),
			"Give an absolute path without dots, colons or a slash at the end, other than / and /tmp, for example /models/digits.")
	}
	if c.Known("artifact") && !c.Set("artifact") {
		v.found.AddError(sdk.At(sdk.Attr("model_path")), "there is no model to mount",
			"model_path says where the model is mounted, and artifact, which is missing, says which one.")
	}
}

func (v *validator) environment(c sdk.Config) {
	env := c.StringMap("env")
	for _, name := range slices.Sorted(maps.Keys(env)) {
		v.variable(sdk.At(sdk.Attr("env"), sdk.Key(name)), name)
	}
	secrets := c.LabelledBlocks("secret_env")
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		at := sdk.At(sdk.Attr("secret_env"), sdk.Key(name))
		v.variable(at, name)
		if _, twice := env[name]; twice {
			v.found.AddError(at, fmt.Sprintf("%s is set twice", name), "It is in env and in a secret_env block; remove one of them.")
		}
		for field, valid := range map[string]func(string) []string{
			"secret": validation.IsDNS1123Subdomain, "key": validation.IsConfigMapKey,
		} {
			if !secrets[name].Set(field) {
				continue
			}
			if why := valid(secrets[name].String(field)); len(why) > 0 {
				v.found.AddError(append(slices.Clone(at), sdk.Attr(field)),
					fmt.Sprintf("%q is not a valid %s", secrets[name].String(field), field), sentence(why))
			}
		}
	}
}

func (v *validator) variable(at sdk.Path, name string) {
	if why := validation.IsEnvVarName(name); len(why) > 0 {
		v.found.AddError(at, fmt.Sprintf("%q is not a name for an environment variable", name), sentence(why))
	}
}

func (v *validator) labels(c sdk.Config, attr string) {
	all := c.StringMap(attr)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		why := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(all[key])...)
		if len(why) > 0 {
			v.found.AddError(sdk.At(sdk.Attr(attr), sdk.Key(key)), fmt.Sprintf("%s=%s is not a label", key, all[key]), sentence(why))
		}
	}
}

func (v *validator) gpu(c sdk.Config) {
	b, ok := c.Block("gpu")
	if !ok {
		return
	}
	at := sdk.At(sdk.Attr("gpu"))
	v.count(b, at, "count", maxDevices)
	if name := b.String("resource"); b.Set("resource") &&
		(!capacity.IsExtended(name) || len(validation.IsQualifiedName(name)) > 0) {
		v.found.AddError(append(at, sdk.Attr("resource")), fmt.Sprintf("%q is not the name of an accelerator", name),
			"Extended resources have a domain, for example nvidia.com/gpu, nvidia.com/mig-1g.5gb or amd.com/gpu.")
	}
}

func (v *validator) readiness(c sdk.Config) {
	b, ok := c.Block("readiness")
	if !ok {
		return
	}
	at := sdk.At(sdk.Attr("readiness"))
	v.count(b, at, "port", 65535)
	if p := b.String("path"); b.Set("path") && !strings.HasPrefix(p, "/") {
		v.found.AddError(append(at, sdk.Attr("path")), fmt.Sprintf("%q is not a path", p), "It begins with a slash, for example /readyz.")
	}
}

func (v *validator) network(c sdk.Config) {
	b, ok := c.Block("network")
	if !ok {
		return
	}
	for i, name := range b.Strings("from_namespaces") {
		if why := validation.IsDNS1123Label(name); len(why) > 0 {
			v.found.AddError(sdk.At(sdk.Attr("network"), sdk.Attr("from_namespaces"), sdk.Index(i)),
				fmt.Sprintf("%q is not a namespace", name), sentence(why))
		}
	}
	for i, cidr := range b.Strings("egress_cidrs") {
		if p, err := netip.ParsePrefix(cidr); err != nil || p.Masked() != p {
			v.found.AddError(sdk.At(sdk.Attr("network"), sdk.Attr("egress_cidrs"), sdk.Index(i)),
				fmt.Sprintf("%q is not a network", cidr), "Give an address and the length of its prefix, for example 10.0.0.0/8.")
		}
	}
}
