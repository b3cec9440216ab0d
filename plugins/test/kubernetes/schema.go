package kubernetes

import (
	"time"

	"github.com/stagegate/stagegate/plugins/test/bounds"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// What holds where the configuration says nothing. The schema's descriptions
// name the same values.
const (
	defaultNamespace = "default"
	defaultResource  = "nvidia.com/gpu"
	defaultUser      = 65532
	defaultQueue     = time.Hour
	defaultSchedule  = 5 * time.Minute
	defaultStart     = 10 * time.Minute
	defaultDeadline  = 30 * time.Minute
)

// Bounds of what a configuration may ask for.
const (
	maxDevices  = 1024
	maxUser     = 1<<31 - 1
	minTimeout  = time.Second
	maxTimeout  = 7 * 24 * time.Hour
	maxCommand  = 256 << 10 // bytes of arguments and variables: a Job has to fit into the cluster's store
	maxArtifact = 32
)

func schema() sdk.Schema {
	return sdk.Schema{
		Name: "kubernetes",
		Description: "Runs a command as a Job on a Kubernetes cluster, from an image by digest. " +
			"Its exit code decides, and so do the thresholds on the metrics that it prints, where there are any. Its output is the stage's output. " +
			"The Job is removed when the stage ends, however it ends; it carries a deadline of its own for when nobody is left to remove it, and the next stage in its namespace looks for it.",
		Effect:  sdk.EffectPure,
		Example: example,
		Config:  sdk.Block{Attributes: append(append(whatAttributes(), whereAttributes()...), whenAttributes()...), Blocks: blocks()},
		Outputs: []sdk.Attribute{
			{Name: "metrics", Type: cty.Map(cty.Number), Description: "What was measured, by name; null where nothing was asked for."},
			{Name: "node", Type: cty.String, Description: "Node that it ran on."},
		},
	}
}

func text(name, description string) sdk.Attribute {
	return sdk.Attribute{Name: name, Type: cty.String, Description: description}
}

func whatAttributes() []sdk.Attribute {
	return []sdk.Attribute{
		{
			Name: "image", Type: cty.DynamicPseudoType, Required: true,
			Description: "Image to run, by digest: a reference such as `registry.example.com/eval@sha256:…`, or an artifact that is in a registry. A tag is refused: it can mean another image tomorrow.",
		},
		{Name: "command", Type: cty.List(cty.String), Description: "The program and its arguments, in place of the image's entry point and command. There is no shell: each element is one argument as it stands. Default: the image's own."},
		{Name: "env", Type: cty.Map(cty.String), Description: "Environment variables. Those with a sensitive value, as from `secret(\"…\")`, are put into a Secret that belongs to the Job; the others are part of the Job, in clear. `HOME` is `/tmp` unless it is among them."},
		{Name: "artifacts", Type: cty.Map(sdk.ArtifactType()), Description: "Artifacts to give to the container, by the absolute path of a folder. They have to be in a registry, and are mounted read-only as OCI image volumes, by digest."},
		{Name: "artifact", Type: sdk.ArtifactType(), Description: "The artifact that the test is about. The metrics become an in-toto statement about its digest. The command finds that by `RUNNER_ARTIFACT_DIGEST`; to give the artifact to the container, name it in `artifacts`."},
		{Name: "metrics", Type: cty.Bool, Description: "Whether the command prints metrics: the last JSON object of its output that begins a line, `{\"accuracy\": 0.95}` or `{\"metrics\": [{\"name\": \"accuracy\", \"value\": 0.95, \"samples\": 450, \"unit\": \"\"}]}`. Default: true where there is a `threshold`."},
		{Name: "run_as_user", Type: cty.Number, Description: "Numeric user and group to run as; never 0. Default: 65532."},
	}
}

func whereAttributes() []sdk.Attribute {
	return []sdk.Attribute{
		text("namespace", "Namespace, which has to exist. Default: `\"default\"`."),
		text("queue", "LocalQueue of Kueue in the namespace. The Job starts when the queue lets it go. Default: none."),
		{Name: "node_selector", Type: cty.Map(cty.String), Description: "Labels that a node must have."},
		text("service_account", "Account of the pod. It gets no token of it. Default: the namespace's."),
		text("pull_secret", "Name of the Secret with the registry's credentials."),
		text("kubeconfig", "File with the cluster's address and credentials, which must not start programs. Default: `$KUBECONFIG`, `~/.kube/config`, or the account of the pod that the runner is in."),
		text("context", "Context of the kubeconfig. Default: its current one."),
	}
}

func whenAttributes() []sdk.Attribute {
	return []sdk.Attribute{
		text("queue_timeout", "How long it may wait for quota. Default: `\"1h\"`."),
		text("schedule_timeout", "How long its pod may wait for a node from then on. Default: `\"5m\"`."),
		text("start_timeout", "How long the node may take from then on to fetch images and start. Default: `\"10m\"`."),
		text("deadline", "How long it may run from then on. Default: `\"30m\"`."),
	}
}

func blocks() []sdk.NestedBlock {
	return []sdk.NestedBlock{
		{Name: "gpu", Nesting: sdk.NestingSingle, Block: sdk.Block{
			Description: "Accelerators that the pod holds. The toleration for nodes that are tainted with the resource's name is added.",
			Attributes: []sdk.Attribute{
				text("resource", "Name of the extended resource. Default: `\"nvidia.com/gpu\"`."),
				{Name: "count", Type: cty.Number, Description: "How many. Default: 1."},
			},
		}},
		{Name: "resources", Nesting: sdk.NestingSingle, Block: sdk.Block{
			Description: "Processor and memory of the pod; requested and at the same time the limit.",
			Attributes: []sdk.Attribute{
				text("cpu", "For example `\"500m\"` or `\"2\"`."),
				text("memory", "For example `\"16Gi\"`. What exceeds it is killed."),
				text("shm", "Size of `/dev/shm`, which is memory, and which data loaders of several processes use. Default: the node's, 64Mi."),
			},
		}},
		{Name: "toleration", Nesting: sdk.NestingList, Block: sdk.Block{
			Description: "A taint of nodes that the pod tolerates.",
			Attributes: []sdk.Attribute{
				{Name: "key", Type: cty.String, Required: true, Description: "Key of the taint."},
				text("value", "Its value. Default: any."),
				text("effect", "`NoSchedule`, `PreferNoSchedule` or `NoExecute`. Default: all."),
			},
		}},
		{Name: "secret_env", Nesting: sdk.NestingMap, Label: "name of the environment variable", Block: sdk.Block{
			Description: "An environment variable whose value is in a Secret of the namespace.",
			Attributes: []sdk.Attribute{
				{Name: "secret", Type: cty.String, Required: true, Description: "Name of the Secret."},
				{Name: "key", Type: cty.String, Required: true, Description: "Key within the Secret."},
			},
		}},
		bounds.Block(),
	}
}
