package kubernetes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/proto"
)

func digest() string { return "sha256:" + strings.Repeat("ab", 32) }

// A Job is what was asked for, its output is passed on, its metrics are judged,
// and nothing of it is left.
func TestJob(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	kubeconfig := l.output(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, lines(1, "loading", strings.Repeat("x", 100_000), `{"accuracy": 0.95}`))
	})
	artifact := sdk.Artifact{Name: "digits", Digest: digest(), Location: "oci://registry.example/digits@" + digest()}
	var job kube.Object
	got := l.test(l.config(values{
		"kubeconfig": text(kubeconfig), "command": cty.ListVal([]cty.Value{text("evaluate"), text("$(HOME)")}),
		"artifact": artifact.Value(), "artifacts": cty.MapVal(values{"/models/digits": artifact.Value()}),
		"env":        cty.MapVal(values{"SPLIT": text("test")}),
		"secret_env": cty.MapVal(values{"TOKEN": cty.ObjectVal(values{"secret": text("s"), "key": text("k")})}),
		"gpu":        cty.ObjectVal(values{"resource": text("example.com/mig-1g.5gb"), "count": cty.NumberIntVal(2)}),
		"resources":  cty.ObjectVal(values{"cpu": text("2"), "memory": text("4Gi"), "shm": text("1Gi")}),
		"toleration": cty.ListVal([]cty.Value{cty.ObjectVal(values{"key": text("spot"), "effect": text("NoSchedule")})}),
		"deadline":   text("1h"),
		"threshold":  cty.MapVal(values{"accuracy": cty.ObjectVal(values{"min": cty.NumberFloatVal(0.9)})}),
	}), func() {
		pod := l.bind()
		job = l.jobs()[0]
		l.runs(pod)
		l.ends(pod, 0, "Completed")
	})
	if !got.Succeeded() || !strings.HasPrefix(string(got.Stdout), "loading\nxxx") || strings.Contains(string(got.Stdout), "2026-") ||
		!strings.Contains(string(got.Stdout), "accuracy  0.95   >= 0.9     PASS") {
		t.Fatal(got)
	}
	if got.Outputs.GetAttr("node").AsString() != "ghost" || got.Outputs.GetAttr("metrics").AsValueMap()["accuracy"] == cty.NilVal {
		t.Errorf("outputs %#v", got.Outputs)
	}
	if stated := len(attestations(got)); stated != 1 {
		t.Errorf("%d statements", stated)
	}
	l.gone()
	spec, _ := job.At("spec", "template", "spec").(map[string]any)
	containers, _ := spec["containers"].([]any)
	container := kube.Object(containers[0].(map[string]any))
	for what, pair := range map[string][2]any{
		"deadline":  {job.At("spec", "activeDeadlineSeconds"), 3600 + 300 + 600 + 120.},
		"ttl":       {job.At("spec", "ttlSecondsAfterFinished"), 600.},
		"tries":     {job.At("spec", "backoffLimit"), 0.},
		"token":     {spec["automountServiceAccountToken"], false},
		"root":      {kube.Object(spec).At("securityContext", "runAsNonRoot"), true},
		"gpu":       {container.At("resources", "limits", "example.com/mig-1g.5gb"), "2"},
		"memory":    {container.At("resources", "requests", "memory"), "4Gi"},
		"command":   {fmt.Sprint(container["command"]), "[evaluate $$(HOME)]"},
		"read-only": {container.At("securityContext", "readOnlyRootFilesystem"), true},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	whole, _ := json.Marshal(job)
	for _, want := range []string{
		`"effect":"NoSchedule","key":"example.com/mig-1g.5gb","operator":"Exists"`, `"effect":"NoSchedule","key":"spot","operator":"Exists"`,
		`"image":{"pullPolicy":"IfNotPresent","reference":"registry.example/digits@` + digest() + `"}`, `"mountPath":"/models/digits"`,
		`{"name":"SPLIT","value":"test"}`, `{"name":"RUNNER_ARTIFACT_DIGEST","value":"` + digest() + `"}`,
		`{"name":"TOKEN","valueFrom":{"secretKeyRef":{"key":"k","name":"s"}}}`, `"medium":"Memory","sizeLimit":"1Gi"`,
	} {
		if !strings.Contains(string(whole), want) {
			t.Errorf("the Job does not hold %s: %s", want, whole)
		}
	}
}

func attestations(got plugintest.Outcome) []string {
	var out []string
	for _, e := range got.Events {
		if a := e.GetAttestation(); a != nil {
			out = append(out, string(a.GetStatement()))
		}
	}
	return out
}

// A simulated node of a real scheduler takes a pod with the accelerators that it
// has.
func TestOnANodeWithAccelerators(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Nodes(1, 8)
	got := l.test(l.config(values{"gpu": cty.ObjectVal(values{"count": cty.NumberIntVal(4)})}), func() {})
	if !got.Succeeded() || got.Outputs.GetAttr("node").AsString() != l.Namespace+"-1" || !got.Outputs.GetAttr("metrics").IsNull() {
		t.Error(got)
	}
	l.gone()
}

// Whatever keeps a Job from its end has a name, and what can be done about it.
func TestFailures(t *testing.T) {
	t.Parallel()
	terminated := func(code int, reason string) func(lab) {
		return func(l lab) {
			pod := l.bind()
			l.runs(pod)
			l.ends(pod, code, reason)
		}
	}
	waiting := func(reason string) func(lab) {
		return func(l lab) {
			l.container(l.bind(), "Pending", map[string]any{"waiting": map[string]any{"reason": reason, "message": "registry.example says no"}})
		}
	}
	for name, tc := range map[string]struct {
		more           values
		play           func(lab)
		class, summary string
		transient      bool
	}{
		"exit code": {play: terminated(3, "Error"), class: "command_failed", summary: "The command ended with exit code 3"},
		"memory": {
			more: values{"resources": cty.ObjectVal(values{"memory": text("1Gi")})}, play: terminated(137, "OOMKilled"),
			class: "out_of_memory", summary: "more memory than its limit of 1Gi",
		},
		"no program": {play: terminated(128, "StartError"), class: "command_not_started", summary: "The command cannot be started"},
		"no metrics": {more: values{"metrics": cty.True}, play: terminated(0, "Completed"), class: "metrics_missing", summary: "There are no metrics"},
		"no room": {
			more: values{"schedule_timeout": text("1s")}, play: func(lab) {},
			class: "unplaceable", summary: "Unschedulable: 0/", transient: false,
		},
		"no accelerator": {
			more:  values{"schedule_timeout": text("1s"), "gpu": cty.ObjectVal(values{"count": cty.NumberIntVal(9)})},
			play:  func(lab) {},
			class: "unschedulable", summary: "Insufficient nvidia.com/gpu", transient: true,
		},
		"image name": {play: waiting("InvalidImageName"), class: "image", summary: "InvalidImageName: registry.example says no"},
		"image":      {more: values{"start_timeout": text("1s")}, play: waiting("ImagePullBackOff"), class: "image", summary: "ImagePullBackOff: registry.example says no"},
		"config":     {more: values{"start_timeout": text("1s")}, play: waiting("CreateContainerConfigError"), class: "pod_config", summary: "The pod refers to what is not there"},
		"not started": {more: values{"start_timeout": text("1s")}, play: waiting("ContainerCreating"), class: "not_started",
			summary: "the node prepares the pod", transient: true},
		"quota": {
			play:  func(lab) {},
			class: "quota", summary: "exceeded quota: none", transient: true,
		},
		"account": {more: values{"service_account": text("nobody")}, play: func(lab) {}, class: "admission", summary: "nobody"},
		"deadline": {
			more: values{"deadline": text("1s")}, play: func(l lab) { l.runs(l.bind()) },
			class: "deadline", summary: "DeadlineExceeded: it has run for 1s",
		},
		"evicted": {
			play: func(l lab) {
				pod := l.bind()
				l.status(pod, map[string]any{"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."})
			},
			class: "disrupted", summary: "Evicted: The node was low on resource: memory.", transient: true,
		},
		"preempted": {
			play: func(l lab) {
				pod := l.bind()
				l.runs(pod)
				l.status(pod, map[string]any{"phase": "Failed", "conditions": []any{map[string]any{
					"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "somebody is more important",
				}}, "containerStatuses": []any{map[string]any{
					"name": "main", "image": image, "imageID": image, "ready": false, "restartCount": 0, "state": map[string]any{"terminated": map[string]any{"exitCode": 143}},
				}}})
			},
			class: "disrupted", summary: "PreemptionByScheduler: somebody is more important", transient: true,
		},
		"deleted": {
			play: func(l lab) {
				l.bind()
				l.Call(context.Background(), http.MethodDelete, "/apis/batch/v1/namespaces/"+l.Namespace+"/jobs/"+l.jobs()[0].Ref().Name+"?propagationPolicy=Background", nil)
			},
			class: "job_deleted", summary: "somebody has deleted the Job", transient: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			if name == "no accelerator" {
				l.Nodes(1, 8)
			}
			if name == "quota" {
				l.quota()
			}
			more := values{"kubeconfig": text(l.output(func(http.ResponseWriter, *http.Request) {}))}
			for k, v := range tc.more {
				more[k] = v
			}
			got := l.test(l.config(more), func() { tc.play(l) })
			f := got.Failure()
			if f.GetClass() != tc.class || !strings.Contains(f.GetSummary(), tc.summary) || f.GetTransient() != tc.transient || f.GetDetail() == "" {
				t.Error(got)
			}
			l.gone()
		})
	}
}

// quota leaves no room for a pod, and waits until that is so.
func (l lab) quota() {
	path := "/api/v1/namespaces/" + l.Namespace + "/resourcequotas"
	l.Post(path, map[string]any{
		"apiVersion": "v1", "kind": "ResourceQuota", "metadata": map[string]any{"name": "none"}, "spec": map[string]any{"hard": map[string]any{"pods": "0"}},
	})
	l.until("the quota", func() bool { return l.Get(path+"/none").Text("status", "used", "pods") == "0" })
}

// What is secret is in a Secret that goes with the Job, and nowhere else.
func TestSecrets(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const secret = "correct-horse"
	var job, kept kube.Object
	secrets := "/api/v1/namespaces/" + l.Namespace + "/secrets"
	// The harness cannot send marks: a component that is asked directly can be.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan plugintest.Outcome, 1)
	go func() {
		done <- l.h.Test("kubernetes", l.config(values{"env": cty.MapVal(values{"TOKEN": text(secret).Mark(dynamic.Sensitive), "PLAIN": text("seen")})}), plugintest.Options{Context: ctx})
	}()
	kept = l.one(secrets)
	job = l.jobs()[0]
	cancel()
	got := <-done
	if value := kept.Text("data", "TOKEN"); value != "Y29ycmVjdC1ob3JzZQ==" || len(kept["data"].(map[string]any)) != 1 {
		t.Errorf("the Secret holds %v", kept["data"])
	}
	owners, _ := kept.At("metadata", "ownerReferences").([]any)
	if len(owners) != 1 || kube.Object(owners[0].(map[string]any)).Text("uid") != job.Text("metadata", "uid") {
		t.Errorf("the Secret belongs to %v", owners)
	}
	whole, _ := json.Marshal(job)
	shown := string(whole) + got.String()
	for _, e := range got.Events {
		raw, _ := proto.Marshal(e)
		shown += string(raw)
	}
	if strings.Contains(shown, secret) || !strings.Contains(string(whole), `{"name":"PLAIN","value":"seen"}`) {
		t.Errorf("shown: %s", shown)
	}
	l.gone()
	l.until("the end of the Secret", func() bool { return len(l.items(secrets)) == 0 })
}

// A cancelled stage takes its Job with it, wherever it is.
func TestCancel(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]func(lab){
		"placing": func(l lab) { l.one(l.pods()) },
		"running": func(l lab) { l.runs(l.bind()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			hold := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
			got := l.test(l.config(values{"kubeconfig": text(l.output(hold))}), func() {
				play(l)
				cancel(errors.New("enough"))
			}, plugintest.Options{Context: ctx})
			if got.Succeeded() {
				t.Error(got)
			}
			l.gone()
		})
	}
}

// Output that breaks off is taken up where it was: no line is lost, and none is
// there twice.
func TestOutputIsWhole(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := lines(1, "one", "two") + "2026-01-01T00:00:00.000000002Z two again\n" + lines(3, "three", "four")
	var asked atomic.Int64
	kubeconfig := l.output(func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 1:
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":400,"message":"container is waiting to start"}`, http.StatusBadRequest)
		case 2: // in the midst of a line
			fmt.Fprint(w, all[:strings.Index(all, "again")])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case 3: // in the midst of a time
			fmt.Fprint(w, all[:strings.Index(all, "0003Z")])
		default:
			fmt.Fprint(w, all)
		}
	})
	got := l.test(l.config(values{"kubeconfig": text(kubeconfig)}), func() {
		pod := l.bind()
		l.runs(pod)
		l.until("three questions", func() bool { return asked.Load() >= 3 })
		l.ends(pod, 0, "Completed")
	})
	want := "one\ntwo\ntwo again\nthree\nfour\n"
	if !got.Succeeded() || string(got.Stdout) != want {
		t.Errorf("%s\nwant %q", got, want)
	}
}

func TestMissingRights(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	got := l.h.Test("kubernetes", l.config(values{"kubeconfig": text(l.AsAccount("nobody"))}))
	f := got.Failure()
	if f.GetClass() != "access_missing" || !strings.Contains(f.GetSummary(), "lacks 9 rights") ||
		!strings.Contains(f.GetDetail(), "create jobs.batch in namespace "+l.Namespace) || !strings.Contains(f.GetDetail(), "get pods/log in namespace") {
		t.Error(got)
	}
}

func TestNoNamespace(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	got := l.h.Test("kubernetes", l.config(values{"namespace": text("nowhere")}))
	if f := got.Failure(); f.GetClass() != "namespace_missing" || !strings.Contains(f.GetDetail(), "kubectl create namespace nowhere") {
		t.Error(got)
	}
}
