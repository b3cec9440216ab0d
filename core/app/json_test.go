package app

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command that prints an answer has one for programs, and the reference
// of JSON knows it. The others print what is no answer: logs, scripts of
// shells, and what git reads.
func TestEveryAnswerHasAJSONForm(t *testing.T) {
	t.Parallel()
	without := map[string]bool{
		"runner logs": true, "runner completion": true, "runner hook install": true,
		"runner policy input": true, // it prints a JSON document as it was kept, to the byte
	}
	known := make(map[string]bool)
	for _, a := range answers() {
		known[a.command] = true
	}
	each(new(app).rootCommand(), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		flag := cmd.Flags().Lookup("format")
		switch {
		case without[path]:
		case flag == nil || !strings.Contains(flag.Usage, "json"):
			t.Errorf("%s has no --format json", path)
		case !known[path]:
			t.Errorf("the reference of JSON does not know %s", path)
		}
		delete(known, path)
	})
	for path := range known {
		t.Errorf("the reference of JSON knows %s, which is no command", path)
	}
}
