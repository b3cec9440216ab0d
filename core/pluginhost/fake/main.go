package fake

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/stagegate/stagegate/sdk"
)

// Commands are the plugins of this package by the names of their binaries.
func Commands() map[string]func() {
	return map[string]func(){
		"runner-plugin-fake":    serveFake,
		"runner-plugin-rogue":   serveRogue,
		"runner-plugin-dead":    dead,    // exits with 7 and last words
		"runner-plugin-garbage": garbage, // prints no handshake and stays
		"runner-plugin-flood":   flood,   // prints without end, and no newline
		"runner-plugin-silent":  silent,  // prints nothing and stays
		"runner-plugin-frozen":  frozen,  // stops itself after the handshake
		"runner-plugin-holder":  holder,  // exits; its child keeps its pipes open
		"runner-plugin-astray":  astray,  // its socket lies elsewhere
		"runner-plugin-old":     old,     // speaks another protocol version
	}
}

// Main runs the plugin whose name the process was started under, and does not
// return then. In a TestMain, call it first.
func Main() {
	name := filepath.Base(os.Args[0])
	if run, ok := Commands()[name]; ok {
		run()
		os.Exit(0)
	}
	if strings.HasPrefix(name, "runner-plugin-") {
		serveFake()
	}
}

func serveFake() {
	if len(os.Args) == 3 && os.Args[1] == escapeArgument {
		escape(os.Args[2])
	}
	sdk.Serve(sdk.Plugin{
		Name: "fake", Version: "0.1.0",
		Builders:  []sdk.Builder{step{}, effect{"effect", sdk.EffectOnce}, effect{"note", sdk.EffectPure}},
		Testers:   []sdk.Tester{check{}},
		Policies:  []sdk.Policy{policy{}},
		Deployers: []sdk.Deployer{deploy{}},
	})
}
