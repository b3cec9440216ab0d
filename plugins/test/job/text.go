package job

import (
	"fmt"
	"strings"
	"time"
)

// literal keeps Kubernetes from putting the values of variables into a text:
// there is no shell here, nor anything like one.
func literal(s string) string { return strings.ReplaceAll(s, "$(", "$$(") }

func texts(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func artifactVolume(i int) string { return fmt.Sprintf("artifact-%d", i) }

// seconds rounds up: a deadline must not end early.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
