package kubernetes

import (
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

func schema() sdk.Schema {
	return sdk.Schema{
		Name: "kubernetes",
		Description: "Releases a model server to a Kubernetes cluster. It renders a Deployment, a Service, a ServiceAccount and a " +
			"NetworkPolicy, hardened by default, applies them by server-side apply once the plan is allowed, and waits until every " +
			"replica is ready and in the endpoints.",
		Effect:  sdk.EffectOnce,
		Example: example,
		Config: sdk.Block{
			Attributes: append(append(whatAttributes(), howAttributes()...), whereAttributes()...),
			Blocks:     blocks(),
		},
		Outputs: []sdk.Attribute{
			{Name: "name", Type: cty.String, Description: "Name of the Deployment and its Service."},
			{Name: "namespace", Type: cty.String, Description: "Namespace of the release."},
			{Name: "revision", Type: cty.String, Description: "Short name of the pod template that serves."},
			{Name: "service", Type: cty.String, Description: "Address within the cluster, `<name>.<namespace>.svc:<port>`."},
			{Name: "cluster_uid", Type: cty.String, Description: "Identity of the cluster."},
		},
	}
}

func whatAttributes() []sdk.Attribute {
	return []sdk.Attribute{
		{
			Name: "image", Type: cty.DynamicPseudoType, Required: true,
			Description: "The server: an artifact that is in a registry, or a reference such as `registry.example/server@sha256:…`.",
		},
		{
			Name: "artifact", Type: sdk.ArtifactType(),
			Description: "The model. It has to be in a registry; it is mounted read-only as an OCI image volume, by digest.",
		},
		{Name: "model_path", Type: cty.String, Description: "Where the model is mounted. Default: `/models/<name of the artifact>`."},
		{Name: "name", Type: cty.String, Description: "Name of the objects. Default: the name of the stage."},
		{Name: "replicas", Type: cty.Number, Description: "Number of pods, 1 to 1000. Default: 1."},
		{Name: "port", Type: cty.Number, Description: "Port that the server listens on and the Service offers. Default: 8080."},
		{Name: "command", Type: cty.List(cty.String), Description: "Program to start, in place of the image's own."},
		{Name: "args", Type: cty.List(cty.String), Description: "Arguments of the program."},
		{
			Name: "env", Type: cty.Map(cty.String),
			Description: "Environment variables, in clear: they are part of the plan. Use `secret_env` for what is secret.",
		},
	}
}

func howAttributes() []sdk.Attribute {
	return []sdk.Attribute{
		{Name: "run_as_user", Type: cty.Number, Description: "Numeric user that the server runs as; never 0. Default: 65532."},
		{
			Name: "drain", Type: cty.String,
			Description: "How long a pod goes on serving after it was told to end, so that every proxy has stopped using it. Default: `\"5s\"`.",
		},
		{Name: "node_selector", Type: cty.Map(cty.String), Description: "Labels that a node must have."},
		{Name: "pull_secret", Type: cty.String, Description: "Name of the Secret with the registry's credentials."},
		{
			Name: "service_account_annotations", Type: cty.Map(cty.String),
			Description: "Annotations of the ServiceAccount, for example to give it a cloud identity.",
		},
		{
			Name: "capacity_check", Type: cty.String,
			Description: "What to do when the cluster has no room for the release: `\"require\"` refuses the plan with the numbers, `\"warn\"` tries it all the same, " +
				"as it should where nodes are added on demand. Default: `\"require\"`.",
		},
		{
			Name: "schedule_timeout", Type: cty.String,
			Description: "How long pods may wait for a node with room. Default: `\"2m\"`.",
		},
		{
			Name: "ready_timeout", Type: cty.String,
			Description: "How long pods may take from then on to load the model and be ready. Default: `\"10m\"`.",
		},
	}
}

func whereAttributes() []sdk.Attribute {
	return []sdk.Attribute{
		{Name: "namespace", Type: cty.String, Description: "Namespace, which has to exist. Default: `\"default\"`."},
		{
			Name: "kubeconfig", Type: cty.String,
			Description: "File with the cluster's address and credentials, which must not start programs. Default: `$KUBECONFIG`, `~/.kube/config`, or the account of the pod that the runner is in.",
		},
		{Name: "context", Type: cty.String, Description: "Context of the kubeconfig. Default: its current one."},
	}
}

func blocks() []sdk.NestedBlock {
	text := func(name, description string) sdk.Attribute {
		return sdk.Attribute{Name: name, Type: cty.String, Description: description}
	}
	return []sdk.NestedBlock{
		{Name: "gpu", Nesting: sdk.NestingSingle, Block: sdk.Block{
			Description: "Accelerators that each pod holds. The toleration for nodes that are tainted with the resource's name is added.",
			Attributes: []sdk.Attribute{
				text("resource", "Name of the extended resource. Default: `\"nvidia.com/gpu\"`."),
				{Name: "count", Type: cty.Number, Description: "How many. Default: 1."},
			},
		}},
		{Name: "resources", Nesting: sdk.NestingSingle, Block: sdk.Block{
			Description: "Processor and memory of each pod; requested and at the same time the limit.",
			Attributes: []sdk.Attribute{
				text("cpu", "For example `\"500m\"` or `\"2\"`."),
				text("memory", "For example `\"1Gi\"`."),
			},
		}},
		{Name: "readiness", Nesting: sdk.NestingSingle, Block: sdk.Block{
			Description: "The HTTP request that says whether a pod can serve.",
			Attributes: []sdk.Attribute{
				text("path", "Path. Default: `\"/readyz\"`."),
				{Name: "port", Type: cty.Number, Description: "Port. Default: that of the server."},
			},
		}},
		{Name: "secret_env", Nesting: sdk.NestingMap, Label: "name of the environment variable", Block: sdk.Block{
			Description: "An environment variable whose value is in a Secret of the namespace.",
			Attributes: []sdk.Attribute{
				{Name: "secret", Type: cty.String, Required: true, Description: "Name of the Secret."},
				{Name: "key", Type: cty.String, Required: true, Description: "Key within the Secret."},
			},
		}},
		{Name: "network", Nesting: sdk.NestingSingle, Block: sdk.Block{
			Description: "Who may call the server and whom it may call. By default all may call its port, and it may call DNS alone.",
			Attributes: []sdk.Attribute{
				{Name: "from_namespaces", Type: cty.List(cty.String), Description: "Namespaces whose pods may call it. Default: all."},
				{Name: "egress_cidrs", Type: cty.List(cty.String), Description: "Networks that it may call, such as `\"10.0.0.0/8\"`."},
			},
		}},
		patienceBlock(),
		{Name: "strategy", Nesting: sdk.NestingMap, MaxItems: 1, Label: "strategy: rolling or recreate", Block: sdk.Block{
			Description: "How pods are replaced. `rolling` replaces them a few at a time: what there is room for decides between a pod more and a pod less, unless a bound is given. `recreate` ends all before the first new one starts. Default: `strategy \"rolling\" {}`.",
			Attributes: []sdk.Attribute{
				text("max_surge", "Rolling: pods above `replicas` at a time, a number or a percentage. Default: `1`, or `0` where there is no room for one more."),
				text("max_unavailable", "Rolling: pods below `replicas` at a time, a number or a percentage. Default: `0`, or `1` where there is no room for one more."),
				{Name: "allow_downtime", Type: cty.Bool, Description: "Recreate: that nothing serves for a while is accepted. Has to be `true`."},
			},
		}},
	}
}
