package kubernetes

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/owner"
	"github.com/stagegate/stagegate/plugins/test/job"
	"github.com/stagegate/stagegate/sdk"
)

// accessOf says which cluster a configuration means.
func accessOf(req sdk.Request) cluster.Access {
	file := req.Config.String("kubeconfig")
	if file != "" && !filepath.IsAbs(file) {
		file = filepath.Join(req.Attempt.WorkDir, file)
	}
	return cluster.Access{Kubeconfig: file, Context: req.Config.String("context")}
}

// specOf is the Job that a valid configuration asks for, and the variables that
// nobody may see.
func specOf(req sdk.Request) (job.Spec, map[string]string, error) {
	c := req.Config
	image, err := imageOf(c.Get("image"))
	if err != nil {
		return job.Spec{}, nil, err
	}
	me, err := owner.Self()
	if err != nil {
		return job.Spec{}, nil, err
	}
	s := job.Spec{
		Namespace: cmp.Or(c.String("namespace"), defaultNamespace), Name: nameOf(req.Attempt),
		Key: short(req.Attempt.IdempotencyKey), Attempt: short(req.Attempt.ID),
		Run: req.Attempt.Run, Stage: req.Attempt.Stage, Owner: me.String(),
		Image: image, Command: c.Strings("command"), User: c.Int("run_as_user", defaultUser),
		SecretEnv: make(map[string]job.SecretKey), NodeSelector: c.StringMap("node_selector"),
		Queue: c.String("queue"), ServiceAccount: c.String("service_account"), PullSecret: c.String("pull_secret"),
		Limits: job.Limits{
			Queue: duration(c, "queue_timeout", defaultQueue), Schedule: duration(c, "schedule_timeout", defaultSchedule),
			Start: duration(c, "start_timeout", defaultStart), Run: duration(c, "deadline", defaultDeadline),
		},
	}
	var hidden map[string]string
	s.Env, hidden = environment(c)
	for name := range hidden {
		s.SecretEnv[name] = job.SecretKey{Name: s.Name, Key: name}
	}
	for name, b := range c.LabelledBlocks("secret_env") {
		s.SecretEnv[name] = job.SecretKey{Name: b.String("secret"), Key: b.String("key")}
	}
	if a, ok := c.Artifact("artifact"); ok {
		s.Env["RUNNER_ARTIFACT_DIGEST"] = a.Digest
	}
	given := c.Artifacts("artifacts")
	for _, folder := range slices.Sorted(maps.Keys(given)) {
		reference, err := pulledFrom(given[folder])
		if err != nil {
			return s, nil, err
		}
		s.Mounts = append(s.Mounts, job.Mount{Path: folder, Reference: reference})
	}
	if b, ok := c.Block("gpu"); ok {
		s.GPU = &job.GPU{Resource: cmp.Or(b.String("resource"), defaultResource), Count: b.Int("count", 1)}
	}
	if b, ok := c.Block("resources"); ok {
		s.CPU, s.Memory, s.Shm = b.String("cpu"), b.String("memory"), b.String("shm")
	}
	for _, b := range c.Blocks("toleration") {
		s.Tolerations = append(s.Tolerations, job.Toleration{Key: b.String("key"), Value: b.String("value"), Effect: b.String("effect")})
	}
	return s, hidden, nil
}

// environment is what may be seen, and what may not. A map that is sensitive as
// a whole is hidden as a whole.
func environment(c sdk.Config) (shown, hidden map[string]string) {
	shown, hidden = make(map[string]string), make(map[string]string)
	bare, marks := c.Get("env").Unmark()
	if bare.IsNull() {
		return shown, hidden
	}
	for name, value := range bare.AsValueMap() {
		one, own := value.Unmark()
		switch {
		case one.IsNull():
		case len(own) > 0 || len(marks) > 0:
			hidden[name] = one.AsString()
		default:
			shown[name] = one.AsString()
		}
	}
	return shown, hidden
}

// nameOf tells people which stage a Job is of, and is no other attempt's.
func nameOf(a sdk.Attempt) string {
	const most = 40
	stage := strings.TrimPrefix(strings.ToLower(a.Stage), "stage.")
	slug := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, stage), "-")
	slug = strings.Trim(slug[:min(len(slug), most)], "-")
	return "test-" + cmp.Or(slug, "stage") + "-" + short(a.ID)[:10]
}

// short is an identity as a label.
func short(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

func duration(c sdk.Config, attr string, fallback time.Duration) time.Duration {
	if d, err := time.ParseDuration(c.String(attr)); err == nil {
		return d
	}
	return fallback
}
