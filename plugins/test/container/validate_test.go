package container_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

const digest = "sha256:3b0c5cba3c4ac2b1f1d5e0a5f0f1ce6f7f0a2ed1e5b9f6f2a64f5d0c3d7a1b42"

func TestValidate(t *testing.T) {
	t.Parallel()
	h, l := start(t), lab{image: "example.com/eval@" + digest}
	text := cty.StringVal
	limit := func(name string, v cty.Value) values { return values{"limits": cty.ObjectVal(values{name: v})} }
	artifact := func(at string, a sdk.Artifact) values { return values{"artifacts": cty.MapVal(values{at: a.Value()})} }
	blob := sdk.Artifact{Name: "w", Digest: digest, Location: "blob:" + digest}
	bound := func(v values) values {
		return values{"threshold": cty.MapVal(values{"a": cty.ObjectVal(v)}), "metrics_file": text("m.json")}
	}
	for name, tc := range map[string]struct {
		more values
		path sdk.Path
		want string
	}{
		"tag":             {values{"image": text("example.com/eval:latest")}, sdk.At(sdk.Attr("image")), "names no digest"},
		"no tag":          {values{"image": text("python")}, sdk.At(sdk.Attr("image")), "names no digest"},
		"half a digest":   {values{"image": text("python@sha256:abc")}, sdk.At(sdk.Attr("image")), "not the name of an image"},
		"upper case":      {values{"image": text("Example.com/EVAL@" + digest)}, sdk.At(sdk.Attr("image")), "not the name of an image"},
		"user":            {values{"user": text("a b")}, sdk.At(sdk.Attr("user")), "is not a user"},
		"option":          {values{"user": text("--privileged")}, sdk.At(sdk.Attr("user")), "is not a user"},
		"input outside":   {values{"inputs": words("../x")}, sdk.At(sdk.Attr("inputs"), sdk.Index(0)), "out of the pipeline"},
		"dir outside":     {values{"dir": text("..")}, sdk.At(sdk.Attr("dir")), "inside the pipeline"},
		"junit outside":   {values{"junit": text("../r.xml")}, sdk.At(sdk.Attr("junit")), "starts in /out"},
		"metrics outside": {values{"metrics_file": text("/etc/m.json")}, sdk.At(sdk.Attr("metrics_file")), "starts in /out"},
		"metrics glob":    {values{"metrics_file": text("*.json")}, sdk.At(sdk.Attr("metrics_file")), "no glob"},
		"no metrics":      {values{"threshold": cty.MapVal(values{"a": cty.ObjectVal(values{"min": cty.NumberIntVal(1)})})}, sdk.At(sdk.Attr("threshold"), sdk.Key("a")), "metrics_file"},
		"no bound":        {bound(values{}), sdk.At(sdk.Attr("threshold"), sdk.Key("a")), "Set min or max"},
		"no way":          {bound(values{"min": cty.NumberIntVal(2), "max": cty.NumberIntVal(1)}), sdk.At(sdk.Attr("threshold"), sdk.Key("a"), sdk.Attr("max")), "less than"},
		"memory":          {limit("memory", text("lots")), sdk.At(sdk.Attr("limits"), sdk.Attr("memory")), "8GiB"},
		"little memory":   {limit("memory", text("1KiB")), sdk.At(sdk.Attr("limits"), sdk.Attr("memory")), "from 6.0 MiB"},
		"endless memory":  {limit("memory", text("99999999TiB")), sdk.At(sdk.Attr("limits"), sdk.Attr("memory")), "8GiB"},
		"cpus":            {limit("cpus", cty.NumberIntVal(-1)), sdk.At(sdk.Attr("limits"), sdk.Attr("cpus")), "processors"},
		"pids":            {limit("pids", cty.NumberFloatVal(1.5)), sdk.At(sdk.Attr("limits"), sdk.Attr("pids")), "whole number"},
		"gpus":            {limit("gpus", text("many")), sdk.At(sdk.Attr("limits"), sdk.Attr("gpus")), `nor "all"`},
		"gpu ids":         {limit("gpu_ids", cty.ListValEmpty(cty.String)), sdk.At(sdk.Attr("limits"), sdk.Attr("gpu_ids")), "at least one"},
		"root":            {artifact("/w", blob), sdk.At(sdk.Attr("artifacts"), sdk.Key("/w")), "not in a folder"},
		"proc":            {artifact("/proc/1/w", blob), sdk.At(sdk.Attr("artifacts"), sdk.Key("/proc/1/w")), "needs for itself"},
		"out of work":     {artifact("../etc/w", blob), sdk.At(sdk.Attr("artifacts"), sdk.Key("../etc/w")), "leads out"},
		"folder":          {artifact("/model/", blob), sdk.At(sdk.Attr("artifacts"), sdk.Key("/model/")), "not the path of a file"},
		"package":         {artifact("/m/w", sdk.Artifact{Name: "w", Digest: digest, Location: "oci://x/y@" + digest}), sdk.At(sdk.Attr("artifacts"), sdk.Key("/m/w")), "is a package"},
	} {
		diags := h.Validate("container", l.config(tc.more))
		if len(diags) != 1 || !strings.Contains(diags[0].Summary+" "+diags[0].Detail, tc.want) || cmp.Diff(tc.path, diags[0].Path) != "" {
			t.Errorf("%s: %+v, want one at %v with %q", name, diags, tc.path, tc.want)
		}
	}
	for name, more := range map[string]values{
		"by id": {"image": text(digest)}, "tag and digest": {"image": text("example.com/eval:1@" + digest)}, "hub": {"image": text("python@" + digest)},
		"all gpus": limit("gpus", text("all")), "one gpu": limit("gpus", cty.StringVal("1")), "artifact": artifact("/model/w", blob),
	} {
		if diags := h.Validate("container", l.config(more)); len(diags) != 0 {
			t.Errorf("%s: %+v", name, diags)
		}
	}
}

func TestInputs(t *testing.T) {
	t.Parallel()
	h, l := start(t), lab{image: "example.com/eval@" + digest}
	for name, tc := range map[string]struct {
		more values
		want sdk.Inputs
	}{
		"closed":         {nil, sdk.Inputs{Complete: true}},
		"declared":       {values{"inputs": words("a/**", "!a/b")}, sdk.Inputs{Complete: true, Files: []string{"a/**", "!a/b"}}},
		"network":        {values{"network": cty.True}, sdk.Inputs{Reason: "it has a network and does not declare its inputs"}},
		"both":           {values{"network": cty.True, "inputs": words("a")}, sdk.Inputs{Complete: true, Files: []string{"a"}}},
		"not known yet":  {values{"network": cty.UnknownVal(cty.Bool)}, sdk.Inputs{Reason: "what it depends on is not known yet"}},
		"unknown inputs": {values{"inputs": cty.UnknownVal(cty.List(cty.String))}, sdk.Inputs{Reason: "what it depends on is not known yet"}},
	} {
		if diff := cmp.Diff(tc.want, h.Inputs("container", l.config(tc.more))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
