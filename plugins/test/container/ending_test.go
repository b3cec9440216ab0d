package container_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

// once calls do when the container of a test's first attempt runs.
func (l lab) once(t *testing.T, do func()) {
	t.Helper()
	go func() {
		for t.Context().Err() == nil && l.engine.Running("dev.stagegate.attempt", t.Name()+"-1") == 0 {
			continue // the engine answers at its own pace
		}
		do()
	}()
}

// A cancelled stage leaves nothing, whether the command listens or not, and its
// last words are heard.
func TestCancel(t *testing.T) {
	l := newLab(t)
	for name, command := range map[string][]string{
		"polite": {"out", "up", ",", "wait"}, "deaf": {"deaf", ",", "out", "up", ",", "wait"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			l.once(t, func() { cancel(stop) })
			got := start(t).Test("container", l.config(nil, command...), plugintest.Options{Context: ctx})
			if got.Succeeded() {
				t.Error(got)
			}
			// The call has ended with its context; the plugin cleans up behind it.
			for len(l.left(t)) > 0 && t.Context().Err() == nil {
				continue
			}
		})
	}
}

// An engine that is started again takes its containers down.
func TestEngineGoesAway(t *testing.T) {
	l := newLab(t)
	proxy := l.engine.Proxy()
	t.Setenv("DOCKER_HOST", proxy.Address)
	l.once(t, proxy.Cut) // a moment later its first word may be lost
	got := start(t).Test("container", l.config(nil, "out", "up", ",", "wait"))
	if f := got.Failure(); f.GetClass() != "engine_lost" || !f.GetTransient() {
		t.Error(got)
	}
	l.gone(t)
}

const victim = "STAGEGATE_TEST_VICTIM"

// TestVictim is the process that TestKilled kills.
func TestVictim(t *testing.T) {
	image := os.Getenv(victim)
	if image == "" {
		t.Skip("it is run by TestKilled")
	}
	start(t).Test("container", cty.ObjectVal(values{"image": cty.StringVal(image), "command": words("/toolbox", "wait")}))
}

// What a killed plugin leaves goes with the next container, and what belongs to
// others stays.
func TestKilled(t *testing.T) {
	l := newLab(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVictim$")
	cmd.Env = append(os.Environ(), victim+"="+l.image)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for l.engine.Running("dev.stagegate.attempt", "TestVictim-1") == 0 && t.Context().Err() == nil {
		continue
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	others := map[string]string{
		"another machine": "m/b/1/1/1", "no owner": "nonsense",
	}
	for _, label := range others {
		l.engine.Volume(map[string]string{"dev.stagegate.owner": label, "dev.stagegate.attempt": "bystander"})
	}
	if l.engine.Running("dev.stagegate.attempt", "TestVictim-1") != 1 {
		t.Fatal("the container has not outlived its plugin: there is nothing to see here")
	}
	got := start(t).Test("container", l.config(nil, "out", "fine"))
	if !got.Succeeded() || strings.Count(string(got.Stderr), "has left behind") != 3 {
		t.Error(got)
	}
	bystanders := 0
	for _, label := range l.engine.Labels("dev.stagegate.attempt") {
		switch label {
		case "TestVictim-1":
			t.Error("something of the killed plugin is left")
		case "bystander":
			bystanders++
		}
	}
	if bystanders != len(others) {
		t.Errorf("%d of %d bystanders are there", bystanders, len(others))
	}
}
