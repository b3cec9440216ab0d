package format_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/config/format"
	"github.com/stagegate/stagegate/core/config/guard"
)

// Whatever the guard lets through is formatted: were anything in it quadratic,
// this would not end.
func TestLargestFilesAreFormatted(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{
		"arguments":   "a%d=\"${x}\" # c\n",
		"blocks":      "a b%d {\nx=1\n}\n",
		"comments":    "#%d\n",
		"blank lines": "\n\n\n#%d\n",
		"heredocs":    "a%d=<<E\nx\nE\n",
		"one line":    "a%d = [[], {}]\n",
	} {
		var src strings.Builder
		for i := 0; ; i++ {
			next := fmt.Sprintf(unit, i)
			if src.Len()+len(next) > guard.MaxFileBytes || i > guard.MaxTokens/(guard.Tokens([]byte(next))+1) {
				break
			}
			src.WriteString(next)
		}
		text := src.String()
		if name == "one line" {
			text = "a = [" + strings.Repeat("1,", guard.MaxTokens/2-10) + "]\n"
		}
		_, diags := format.Source("a.hcl", []byte(text))
		if diags.HasErrors() {
			t.Errorf("%s: %v", name, diags[0])
		}
	}
}
