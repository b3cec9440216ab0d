package main

import (
	"github.com/stagegate/stagegate/plugins/build/command"
	"github.com/stagegate/stagegate/plugins/build/docker"
	"github.com/stagegate/stagegate/plugins/build/fetch"
	"github.com/stagegate/stagegate/plugins/build/image"
	"github.com/stagegate/stagegate/plugins/build/modelpack"
	"github.com/stagegate/stagegate/sdk"
)

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "build",
		Version: sdk.Version,
		Builders: []sdk.Builder{
			command.Builder{},
			docker.Builder{},
			fetch.Builder{},
			image.Builder{},
			modelpack.Builder{},
		},
	}
}
