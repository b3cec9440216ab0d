package trigger_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/trigger"
)

const (
	zero = "0000000000000000000000000000000000000000"
	one  = "1111111111111111111111111111111111111111"
)

func TestReadPostReceive(t *testing.T) {
	t.Parallel()
	got, err := trigger.ReadPostReceive(strings.NewReader(zero + " " + one + " refs/heads/main\n" + one + " " + zero + " refs/heads/$(touch${IFS}x)\n"))
	want := []trigger.Update{
		{Ref: "refs/heads/main", Old: zero, New: one},
		{Ref: "refs/heads/$(touch${IFS}x)", Old: one, New: zero},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got[0].Deleted() || !got[1].Deleted() || got[0].Branch() != "main" {
		t.Error("a deletion is not told from an update")
	}
}

func TestReadPrePush(t *testing.T) {
	t.Parallel()
	got, err := trigger.ReadPrePush(strings.NewReader("refs/heads/topic " + one + " refs/heads/main " + zero + "\n"))
	if diff := cmp.Diff([]trigger.Update{{Ref: "refs/heads/main", Old: zero, New: one}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestReadRefusesWhatGitWouldNotSend(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"too few fields":  zero + " " + one + "\n",
		"a short id":      "123 " + one + " refs/heads/main\n",
		"an option":       "--upload-pack=touch${IFS}x " + one + " refs/heads/main\n",
		"no full ref":     zero + " " + one + " main\n",
		"a dash ref":      zero + " " + one + " --force\n",
		"dots":            zero + " " + one + " refs/heads/../../x\n",
		"an endless line": zero + " " + one + " refs/heads/" + strings.Repeat("x", 1<<20) + "\n",
		"too many lines":  strings.Repeat(zero+" "+one+" refs/heads/main\n", 2000),
		"a bidi mark":     zero + " " + one + " refs/heads/a\u202egnp\n",
		"an escape":       zero + " " + one + " refs/heads/a\x1b[2J\n",
	} {
		if got, err := trigger.ReadPostReceive(strings.NewReader(in)); err == nil {
			t.Errorf("%s passes: %v", name, got)
		}
	}
}

func FuzzReadPostReceive(f *testing.F) {
	f.Add(zero + " " + one + " refs/heads/main\n")
	f.Fuzz(func(t *testing.T, in string) {
		updates, err := trigger.ReadPostReceive(strings.NewReader(in))
		if err != nil {
			return
		}
		for _, u := range updates {
			if strings.HasPrefix(u.Ref, "-") || strings.ContainsAny(u.Ref, "\x00\n\x1b ") || !strings.HasPrefix(u.Ref, "refs/") {
				t.Errorf("ref %q passes", u.Ref)
			}
		}
	})
}
