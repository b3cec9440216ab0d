package kubernetes_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

const victim = "STAGEGATE_TEST_VICTIM"

// TestVictim is the process that TestKilled kills.
func TestVictim(t *testing.T) {
	kubeconfig, namespace, ok := strings.Cut(os.Getenv(victim), ",")
	if !ok {
		t.Skip("it is run by TestKilled")
	}
	start(t).Test("kubernetes", cty.ObjectVal(values{"image": text(image), "kubeconfig": text(kubeconfig), "namespace": text(namespace)}),
		plugintest.Options{IdempotencyKey: "a stage of another run"})
}

// What a killed plugin leaves ends by itself, and the next stage in the namespace
// removes it before; what belongs to others stays.
func TestKilled(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVictim$")
	cmd.Env = append(os.Environ(), victim+"="+l.Kubeconfig+","+l.Namespace)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l.one(l.pods())
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	left := l.jobs()[0]
	if left.At("spec", "activeDeadlineSeconds") == nil || left.At("spec", "ttlSecondsAfterFinished") == nil {
		t.Errorf("nothing ends the Job: %v", left.At("spec"))
	}
	bystander := left.Clone()
	bystander["metadata"] = map[string]any{
		"name": "bystander", "labels": left.At("metadata", "labels"), "annotations": map[string]any{"stagegate.dev/owner": "m/b/1/1/1"},
	}
	bystander["spec"] = map[string]any{"suspend": true, "template": map[string]any{"spec": map[string]any{
		"restartPolicy": "Never", "containers": []any{map[string]any{"name": "main", "image": image}},
	}}}
	delete(bystander, "status")
	l.Post("/apis/batch/v1/namespaces/"+l.Namespace+"/jobs", bystander)

	l.Nodes(1, 0)
	got := l.h.Test("kubernetes", l.config(nil))
	if !got.Succeeded() || strings.Count(string(got.Stderr), "has left behind") != 1 || !strings.Contains(string(got.Stderr), left.Ref().Name+", which stage.test of run test-run has left behind") {
		t.Error(got)
	}
	l.until("the end of all but the bystander", func() bool {
		jobs := l.jobs()
		return len(jobs) == 1 && jobs[0].Ref().Name == "bystander"
	})
}

// The next attempt at a stage removes what the last one has left, whoever that was.
func TestTheNextAttemptSweeps(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Nodes(1, 0)
	var name string
	got := l.test(l.config(values{"schedule_timeout": text("1m"), "node_selector": cty.MapVal(values{"lab": text("none")})}), func() {
		name = l.one("/apis/batch/v1/namespaces/" + l.Namespace + "/jobs").Ref().Name
		again := l.h.Test("kubernetes", l.config(nil))
		if !again.Succeeded() || !strings.Contains(string(again.Stderr), "removed the Job "+l.Namespace+"/"+name) {
			t.Error(again)
		}
	})
	if got.Failure().GetClass() != "job_deleted" {
		t.Error(got)
	}
	l.gone()
}
