package kubernetes_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/sdk/plugintest"
)

// kueue is the part of Kueue's API that is read. The test plays the rest.
func (l lab) kueue() {
	l.t.Helper()
	const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	l.t.Cleanup(func() { // whoever comes next finds no Kueue
		for _, plural := range []string{"localqueues", "workloads"} {
			l.Call(context.Background(), http.MethodDelete, definitions+"/"+plural+".kueue.x-k8s.io", nil)
		}
		code := http.StatusOK
		for range 1000 {
			if code, _ = l.Call(context.Background(), http.MethodGet, "/apis/kueue.x-k8s.io", nil); code == http.StatusNotFound {
				return
			}
		}
		l.t.Errorf("Kueue's API is still there: %d", code)
	})
	for plural, kind := range map[string]string{"localqueues": "LocalQueue", "workloads": "Workload"} {
		name := plural + ".kueue.x-k8s.io"
		l.Post(definitions, map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
			"metadata": map[string]any{"name": name, "annotations": map[string]any{"api-approved.kubernetes.io": "unapproved, for tests"}},
			"spec": map[string]any{
				"group": "kueue.x-k8s.io", "scope": "Namespaced", "names": map[string]any{"kind": kind, "plural": plural, "singular": strings.ToLower(kind), "listKind": kind + "List"},
				"versions": []any{map[string]any{
					"name": "v1beta2", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
				}},
			},
		})
		l.until(plural, func() bool {
			code, _ := l.Call(l.t.Context(), http.MethodGet, kueueAPI+l.Namespace+"/"+plural, nil)
			return code == http.StatusOK
		})
	}
}

const kueueAPI = "/apis/kueue.x-k8s.io/v1beta2/namespaces/"

// workload is what Kueue makes of the Job, with one condition.
func (l lab) workload(reason, message string) {
	l.t.Helper()
	job := l.one("/apis/batch/v1/namespaces/" + l.Namespace + "/jobs")
	if job.At("spec", "suspend") != true || job.Label("kueue.x-k8s.io/queue-name") != "gpu" {
		l.t.Errorf("the Job does not wait for its queue: %v", job)
	}
	l.Post(kueueAPI+l.Namespace+"/workloads", map[string]any{
		"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "Workload",
		"metadata": map[string]any{"name": "w-" + job.Text("metadata", "name"), "ownerReferences": []any{map[string]any{
			"apiVersion": "batch/v1", "kind": "Job", "name": job.Text("metadata", "name"), "uid": job.Text("metadata", "uid"),
		}}},
		"status": map[string]any{"conditions": []any{map[string]any{"type": "QuotaReserved", "status": "False", "reason": reason, "message": message}}},
	})
}

// suspend lets the Job go, or holds it again.
func (l lab) suspend(suspended bool) {
	l.t.Helper()
	name := l.jobs()[0].Text("metadata", "name")
	code, answer := l.Call(context.Background(), http.MethodPatch, "/apis/batch/v1/namespaces/"+l.Namespace+"/jobs/"+name+"?fieldManager=kueue&force=true", map[string]any{
		"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"name": name}, "spec": map[string]any{"suspend": suspended},
	})
	if code != http.StatusOK {
		l.t.Errorf("%d %v", code, answer)
	}
}

// A Job waits in its queue: one after the other, because Kueue is the whole
// cluster's.
func TestQueue(t *testing.T) { //nolint:paralleltest // it changes what the cluster knows
	l := newLab(t)
	more := values{"queue": text("gpu"), "kubeconfig": text(l.output(func(http.ResponseWriter, *http.Request) {}))}
	got := l.h.Test("kubernetes", l.config(more))
	if f := got.Failure(); f.GetClass() != "queue_missing" || !strings.Contains(f.GetSummary(), "has no Kueue") {
		t.Fatal(got)
	}
	l.kueue()
	got = l.h.Test("kubernetes", l.config(more))
	if f := got.Failure(); f.GetClass() != "queue_missing" || !strings.Contains(f.GetSummary(), `There is no queue "gpu" in the namespace`) {
		t.Fatal(got)
	}
	if len(l.jobs()) > 0 {
		t.Error("a Job was made for a queue that there is not")
	}
	l.Post(kueueAPI+l.Namespace+"/localqueues", map[string]any{"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "LocalQueue", "metadata": map[string]any{"name": "gpu"}})

	// It can wait for ever: that is known at once.
	got = l.test(l.config(more), func() { l.workload("ExceedsMaxQuota", "16 nvidia.com/gpu are more than 8") })
	if f := got.Failure(); f.GetClass() != "quota_never" || f.GetTransient() || !strings.Contains(f.GetSummary(), "ExceedsMaxQuota: 16 nvidia.com/gpu are more than 8") {
		t.Error(got)
	}
	l.gone()

	// Others have the quota for longer than it may wait.
	more["queue_timeout"] = text("1s")
	got = l.test(l.config(more), func() { l.workload("WaitingForQuota", "insufficient unused quota for nvidia.com/gpu") })
	if f := got.Failure(); f.GetClass() != "queued" || !f.GetTransient() || !strings.Contains(f.GetSummary(), ": WaitingForQuota: insufficient unused quota") {
		t.Error(got)
	}
	l.gone()

	// It is let go, taken back for somebody more important, and let go again.
	delete(more, "queue_timeout")
	got = l.test(l.config(more), func() {
		l.workload("WaitingForQuota", "insufficient unused quota for nvidia.com/gpu")
		l.suspend(false)
		first := l.bind()
		l.runs(first)
		l.suspend(true)
		l.kill(first)
		l.until("the end of the first pod", func() bool { return len(l.items(l.pods())) == 0 })
		l.suspend(false)
		pod := l.bind()
		l.runs(pod)
		l.ends(pod, 0, "Completed")
	}, plugintest.Options{})
	if !got.Succeeded() || !strings.Contains(string(got.Stderr), "waits for quota: WaitingForQuota: insufficient unused quota for nvidia.com/gpu") || strings.Count(string(got.Stderr), " runs\n") != 2 {
		t.Error(got)
	}
	l.gone()
}

// kill ends a pod that is being deleted, as its kubelet does.
func (l lab) kill(pod string) {
	l.t.Helper()
	l.until("the deletion of "+pod, func() bool {
		o := l.Get(l.pods() + "/" + pod)
		return o == nil || o.Text("metadata", "deletionTimestamp") != ""
	})
	l.ends(pod, 143, "Error") // or the Job controller would hold it
	l.Call(context.Background(), http.MethodDelete, l.pods()+"/"+pod, map[string]any{"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0})
}
