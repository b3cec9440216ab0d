package kubernetes

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/sdk"
)

// releaseOf reads a configuration that Validate accepts.
func releaseOf(c sdk.Config, stage string) (manifest.Release, error) {
	image, err := imageOf(c.Get("image"))
	if err != nil {
		return manifest.Release{}, err
	}
	limits := limitsOf(c)
	r := manifest.Release{
		Name:      or(c.String("name"), defaultName(stage)),
		Namespace: or(c.String("namespace"), defaultNamespace),
		Image:     image,
		Replicas:  c.Int("replicas", defaultReplicas),
		Port:      c.Int("port", defaultPort),
		Command:   c.Strings("command"),
		Args:      c.Strings("args"),
		Env:       c.StringMap("env"),
		SecretEnv: secretEnv(c),
		User:      c.Int("run_as_user", manifest.DefaultUser),
		Readiness: manifest.Probe{Path: defaultReadinessPath},
		Rolling:   rolling(c),
		Recreate:  recreate(c),
		Drain:     duration(c, "drain", defaultDrain),
		// Our own clocks are to fire first: they know why.
		Progress:                  limits.Total() + time.Minute,
		NodeSelector:              c.StringMap("node_selector"),
		PullSecret:                c.String("pull_secret"),
		ServiceAccountAnnotations: c.StringMap("service_account_annotations"),
	}
	if r.Model, err = modelOf(c); err != nil {
		return manifest.Release{}, err
	}
	if b, ok := c.Block("gpu"); ok {
		r.GPU = &manifest.GPU{Resource: or(b.String("resource"), defaultResource), Count: b.Int("count", 1)}
	}
	if b, ok := c.Block("resources"); ok {
		r.CPU, r.Memory = b.String("cpu"), b.String("memory")
	}
	if b, ok := c.Block("readiness"); ok {
		r.Readiness = manifest.Probe{Path: or(b.String("path"), defaultReadinessPath), Port: b.Int("port", 0)}
	}
	if b, ok := c.Block("network"); ok {
		r.FromNamespaces, r.EgressCIDRs = b.Strings("from_namespaces"), b.Strings("egress_cidrs")
	}
	return r, nil
}

func modelOf(c sdk.Config) (*manifest.Model, error) {
	a, ok := c.Artifact("artifact")
	if !ok {
		return nil, nil //nolint:nilnil // no model is a valid answer
	}
	reference, err := pulledFrom(a)
	if err != nil {
		return nil, err
	}
	return &manifest.Model{
		Reference: reference,
		Digest:    a.Digest,
		MountPath: or(c.String("model_path"), "/models/"+dnsLabel(a.Name, "model")),
	}, nil
}

func secretEnv(c sdk.Config) map[string]manifest.SecretRef {
	out := make(map[string]manifest.SecretRef)
	for name, b := range c.LabelledBlocks("secret_env") {
		out[name] = manifest.SecretRef{Name: b.String("secret"), Key: b.String("key")}
	}
	return out
}

func rolling(c sdk.Config) manifest.Rolling {
	r := manifest.Rolling{MaxSurge: defaultSurge, MaxUnavailable: defaultUnavailable}
	if b, ok := c.LabelledBlocks("strategy")[rollingStrategy]; ok {
		r.MaxSurge = or(b.String("max_surge"), defaultSurge)
		r.MaxUnavailable = or(b.String("max_unavailable"), defaultUnavailable)
	}
	return r
}

func recreate(c sdk.Config) bool {
	_, ok := c.LabelledBlocks("strategy")[recreateStrategy]
	return ok
}

// strategyOf is the name of a release's strategy.
func strategyOf(r manifest.Release) string {
	if r.Recreate {
		return recreateStrategy
	}
	return rollingStrategy
}

func limitsOf(c sdk.Config) rollout.Limits {
	l := rollout.Limits{
		Schedule: duration(c, "schedule_timeout", defaultScheduleTimeout),
		Ready:    duration(c, "ready_timeout", defaultReadyTimeout),
	}
	b, ok := c.Block("patience")
	if !ok {
		return l
	}
	l.Waits = make(map[rollout.Class]time.Duration)
	for _, clock := range clocks() {
		if b.Set(clock.name) {
			l.Waits[clock.class] = duration(b, clock.name, rollout.DefaultWait(clock.class))
		}
	}
	return l
}

func accessOf(c sdk.Config, workDir string) cluster.Access {
	file := c.String("kubeconfig")
	if file != "" && !filepath.IsAbs(file) {
		file = filepath.Join(workDir, file)
	}
	return cluster.Access{Kubeconfig: file, Context: c.String("context")}
}

func duration(c sdk.Config, attr string, fallback time.Duration) time.Duration {
	if d, err := time.ParseDuration(c.String(attr)); err == nil {
		return d
	}
	return fallback
}

// defaultName makes the name of an object of a stage's address.
func defaultName(stage string) string {
	return dnsLabel(strings.TrimPrefix(stage, "stage."), "release")
}

// dnsLabel keeps of a name what a DNS label may hold.
func dnsLabel(name, fallback string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0:
			b.WriteByte('-')
		}
	}
	label := b.String()
	return or(strings.Trim(label[:min(len(label), 63)], "-"), fallback)
}
