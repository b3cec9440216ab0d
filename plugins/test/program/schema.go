package program

import (
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Attributes are the arguments of the schema.
func Attributes() []sdk.Attribute {
	return []sdk.Attribute{
		{
			Name: "command", Type: cty.List(cty.String), Required: true,
			Description: "The program and its arguments. There is no shell: each element is one argument as it stands. A program with a slash in its name is looked for from `dir`, any other in `PATH`.",
		},
		{
			Name: "env", Type: cty.Map(cty.String),
			Description: "Environment variables for the command, beside the few that every command gets (`PATH`, `HOME`, `LANG`, `TZ`, `TMPDIR` and what the operator passes).",
		},
		{
			Name: "inputs", Type: cty.List(cty.String),
			Description: "Files that the command reads, all of them: paths in the pipeline's folder, or patterns (`*`, `?`, `[…]`, and `**` for any folders). A folder stands for all below it, and what a pattern after `!` matches does not count. With `inputs`, the result of an earlier run is taken over when nothing that counts has changed; without, the command runs each time.",
		},
		{
			Name: "dir", Type: cty.String,
			Description: "The folder to run in, inside the pipeline's folder, which is the default.",
		},
	}
}
