package kubernetes

import (
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/plugins/internal/owner"
	"github.com/stagegate/stagegate/plugins/test/job"
)

// Who cannot be seen from here is dead when nobody has heard of it for a while,
// by the server's clock.
func TestLeft(t *testing.T) {
	t.Parallel()
	me, err := owner.Self()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) string { return now.Add(-d).Format(time.RFC3339) }
	s := &session{spec: job.Spec{Key: "mine"}}
	for name, tc := range map[string]struct {
		key, owner, created, heard string
		want                       bool
	}{
		"of this stage":         {"mine", me.String(), ago(0), "", true},
		"of this process":       {"other", me.String(), ago(time.Hour), "", false},
		"of a machine, new":     {"other", "m/b/1/1/1", ago(silence - time.Second), "", false},
		"of a machine, silent":  {"other", "m/b/1/1/1", ago(silence + time.Second), "", true},
		"of a machine, heard":   {"other", "m/b/1/1/1", ago(time.Hour), ago(time.Minute), false},
		"of a machine, no more": {"other", "m/b/1/1/1", ago(2 * time.Hour), ago(time.Hour), true},
		"of nobody":             {"other", "nonsense", ago(time.Hour), "", false},
	} {
		fields := []any{map[string]any{"manager": "kube-controller-manager", "time": ago(0)}}
		if tc.heard != "" {
			fields = append(fields, map[string]any{"manager": keeper, "time": tc.heard})
		}
		o := kube.Object{"metadata": map[string]any{
			"creationTimestamp": tc.created, "managedFields": fields,
			"labels": map[string]any{job.LabelKey: tc.key}, "annotations": map[string]any{job.AnnotationOwner: tc.owner},
		}}
		if got := s.left(o, me, now); got != tc.want {
			t.Errorf("%s: left is %t", name, got)
		}
	}
}
