package container

import (
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Folders of every container.
const (
	Work = "/work" // the inputs, under their paths in the work folder
	Out  = "/out"  // what it is to leave, where Work cannot be written
	temp = "/tmp"
)

// What is used where the configuration is silent.
const (
	defaultPids = 4096
	defaultTemp = 256 << 20
	nobody      = "65534:65534"
)

// Image is the argument that names the image.
func Image(required bool) sdk.Attribute {
	return sdk.Attribute{
		Name: "image", Type: cty.String, Required: required,
		Description: "Image to run in, by digest: `registry.example.com/eval@sha256:…`, or the id of an image that the engine has, `sha256:…`, such as the output `reference` of `build.docker`. " +
			"A tag is refused: it can mean another image tomorrow, and nobody could say later what was run. The engine pulls what it does not have, with the credentials of the Docker configuration.",
	}
}

// Attributes are the other arguments.
func Attributes() []sdk.Attribute {
	return []sdk.Attribute{
		{Name: "artifacts", Type: cty.Map(sdk.ArtifactType()), Description: "Artifacts to give to the container, by path: an absolute one, such as `/model/model.safetensors`, or one below `/work`. Their folders cannot be written."},
		{Name: "network", Type: cty.Bool, Description: "Whether the container has the engine's default network. Default: false, and then it has no network at all."},
		{Name: "user", Type: cty.String, Description: "User to run as, `uid` or `uid:gid`, or a name that the image knows. Default: the image's, and 65534:65534 where that is root."},
	}
}

// Limits is the block of limits.
func Limits() sdk.NestedBlock {
	return sdk.NestedBlock{
		Name: "limits", Nesting: sdk.NestingSingle,
		Block: sdk.Block{
			Description: "What the container may use.",
			Attributes: []sdk.Attribute{
				{Name: "memory", Type: cty.String, Description: "Memory without swap, for example `8GiB`. What exceeds it is killed. Default: the engine's."},
				{Name: "cpus", Type: cty.Number, Description: "Processors, for example 1.5. Default: all."},
				{Name: "pids", Type: cty.Number, Description: "Processes and threads. Default: 4096."},
				{Name: "tmp", Type: cty.String, Description: "Size of `/tmp`, which is memory. Default: 256MiB."},
				{Name: "shm", Type: cty.String, Description: "Size of `/dev/shm`, which data loaders of several processes use. Default: the engine's, 64MiB."},
				{Name: "gpus", Type: cty.String, Description: "How many GPUs, or `\"all\"`. Default: none."},
				{Name: "gpu_ids", Type: cty.List(cty.String), Description: "Certain GPUs instead, by index or identity, for example `[\"0\", \"GPU-3a23…\"]`."},
			},
		},
	}
}
