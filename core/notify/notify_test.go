package notify_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
)

func TestHolding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		now, before event.Status
		want        string
	}{
		{event.Succeeded, "", "success changed always"},
		{event.Succeeded, event.Succeeded, "success always"},
		{event.Succeeded, event.Failed, "fixed success changed always"},
		{event.Succeeded, event.Denied, "fixed success changed always"},
		{event.Failed, "", "failure changed always"},
		{event.Failed, event.Succeeded, "regression failure changed always"},
		{event.Failed, event.Failed, "failure always"},
		{event.Failed, event.Errored, "failure changed always"},
		{event.Errored, event.Succeeded, "regression failure changed always"},
		{event.Denied, event.Succeeded, "regression denied failure changed always"},
		{runstate.Interrupted, event.Succeeded, "regression failure changed always"},
		{event.Cancelled, event.Succeeded, "cancelled always"},
		{event.Waiting, event.Failed, "waiting always"},
		{runstate.Running, event.Failed, ""},
		{runstate.Pending, "", ""},
	} {
		var got []string
		for _, held := range notify.Holding(c.now, c.before) {
			got = append(got, string(held))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s after %q: %v, want %s", c.now, c.before, got, c.want)
		}
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	for pattern, names := range map[string][2][]string{
		"main":          {{"main"}, {"main2", "", "Main"}},
		"*":             {{"", "a", "a/b"}, nil},
		"release/*":     {{"release/1", "release/1/2", "release/"}, {"release", "xrelease/1"}},
		"a*b*c":         {{"abc", "axbxc", "abbc", "abcbc"}, {"ab", "ac", "abcd", "acb"}},
		"ab*ba":         {{"abba", "abxba"}, {"aba"}},
		"*@example.com": {{"a@example.com"}, {"a@example.com.evil.com", "a@evil.com"}},
		"":              {{""}, {"a"}},
	} {
		for _, name := range names[0] {
			if !notify.Fits(pattern, name) {
				t.Errorf("%q does not fit %q", name, pattern)
			}
		}
		for _, name := range names[1] {
			if notify.Fits(pattern, name) {
				t.Errorf("%q fits %q", name, pattern)
			}
		}
	}
}

func noon() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }

func ended(status event.Status) *runstate.RunState {
	return &runstate.RunState{ID: "20261126-115900-abcd", Status: status, Run: event.Run{
		Pipeline: "digits", Ref: "refs/heads/main", Commit: strings.Repeat("a", 40), Clean: true, PushedTo: "/srv/git/models.git",
	}}
}

func rule(name, target string, on ...pipeline.Condition) notify.Rule {
	return notify.Rule{Name: name, Target: target, On: on}
}

// The same place is told once, for what says most, whoever asks for it.
func TestOneLetterForEachPlace(t *testing.T) {
	t.Parallel()
	onBranch, other := rule("branch", "hook", pipeline.RunAlways), rule("other", "hook", pipeline.RunAlways)
	onBranch.Branches, other.Pipelines = []string{"release/*"}, []string{"other"}
	channel := rule("channel", "chat", pipeline.RunFailure)
	channel.Channel = "#ml"
	o := notify.Occasion{State: ended(event.Failed), Last: &notify.Previous{Run: "r", Status: event.Succeeded}, Now: noon(), Rules: []notify.Rule{
		rule("a", "hook", pipeline.RunAlways), rule("b", "hook", pipeline.RunFailure, pipeline.RunRegression), rule("c", "hook", pipeline.RunFailure),
		rule("d", "chat", pipeline.RunSuccess), rule("e", "chat", pipeline.RunFailure), channel, onBranch, other,
	}}
	var got []string
	keys := make(map[string]bool)
	for _, l := range o.Letters() {
		got = append(got, l.Rule+" "+l.Target+" "+l.Channel+" "+string(l.Message.Event))
		keys[l.Key] = true
	}
	if diff := cmp.Diff([]string{"b hook  regression", "e chat  failure", "channel chat #ml failure"}, got); diff != "" {
		t.Errorf("letters (-want +got): %s", diff)
	}
	if len(keys) != 3 {
		t.Errorf("keys are not different: %v", keys)
	}
}

// The key is the same whenever the same is told, and another one when the run
// was gone on with.
func TestKeys(t *testing.T) {
	t.Parallel()
	key := func(change func(*notify.Occasion)) string {
		o := notify.Occasion{State: ended(event.Failed), Now: noon(), Rules: []notify.Rule{rule("a", "hook", pipeline.RunFailure, pipeline.RunWaiting)}}
		change(&o)
		return o.Letters()[0].Key
	}
	waits := func(o *notify.Occasion, status event.Status, plan string) {
		o.State.Status = status
		o.State.Stages = []*runstate.StageState{{
			StageInfo: event.StageInfo{Name: "serve"}, Wait: &event.Wait{Approval: &event.Asked{PlanDigest: plan, Required: 1}},
		}}
	}
	was := key(func(*notify.Occasion) {})
	if again := key(func(o *notify.Occasion) { o.Now = noon().Add(time.Hour); o.Rules[0].Name = "b" }); again != was {
		t.Errorf("the same has the keys %s and %s", was, again)
	}
	if resumed := key(func(o *notify.Occasion) { o.State.Resumed = 1 }); resumed == was {
		t.Error("a run that was resumed has the same key")
	}
	inPlace := key(func(o *notify.Occasion) { waits(o, runstate.Running, "sha256:a") })
	if atEnd := key(func(o *notify.Occasion) { waits(o, event.Waiting, "sha256:a") }); atEnd != inPlace {
		t.Errorf("waiting in its place and at the end have the keys %s and %s", inPlace, atEnd)
	}
	if changed := key(func(o *notify.Occasion) { waits(o, event.Waiting, "sha256:b") }); changed == inPlace {
		t.Error("another plan has the same key")
	}
}

// A push that is so wrong that nobody knows the pipeline's name is told to
// whoever might have to know.
func TestUnknownPipelineMeetsAll(t *testing.T) {
	t.Parallel()
	state := ended(event.Errored)
	state.Run.Pipeline = ""
	r := rule("a", "hook", pipeline.RunFailure)
	r.Pipelines = []string{"other"}
	mark := notify.Mark{Name: "m", Notes: true, Pipelines: []string{"other"}}
	o := notify.Occasion{State: state, Now: noon(), Rules: []notify.Rule{r}, Marks: []notify.Mark{mark}}
	if letters := o.Letters(); len(letters) != 2 {
		t.Errorf("there are %d letters", len(letters))
	}
}

// Only what was run from a commit says something of it.
func TestMarksAreForCommits(t *testing.T) {
	t.Parallel()
	mark := notify.Mark{Name: "m", Notes: true, Repositories: []string{"/srv/git/*"}, Branches: []string{"main"}}
	for name, change := range map[string]func(*event.Run){
		"changed files": func(r *event.Run) { r.Clean = false },
		"no commit":     func(r *event.Run) { r.Commit = "" },
		"elsewhere":     func(r *event.Run) { r.Repository = "https://evil.example.com/srv/git/" },
		"other branch":  func(r *event.Run) { r.Ref = "refs/heads/topic" },
		"tag":           func(r *event.Run) { r.Ref = "refs/tags/main" },
	} {
		run := ended(event.Succeeded).Run
		if !mark.About(run) {
			t.Fatal("the run itself is not marked")
		}
		if change(&run); mark.About(run) {
			t.Errorf("%s: it is marked", name)
		}
	}
}

func TestStatesOfCommits(t *testing.T) {
	t.Parallel()
	for status, want := range map[event.Status]notify.State{
		event.Succeeded: notify.StateSuccess, event.Failed: notify.StateFailure, event.Denied: notify.StateFailure, event.Errored: notify.StateError,
		event.Cancelled: notify.StateError, runstate.Interrupted: notify.StateError, event.Waiting: notify.StatePending, runstate.Running: notify.StatePending,
	} {
		state := ended(status)
		state.Failure = &event.Failure{Summary: strings.Repeat("long ", 100)}
		state.Run.Pipeline = "a\nb" + strings.Repeat("c", 200)
		got := notify.StatusOf(state, "")
		if got.State != want || len([]rune(got.Description)) > 140 || strings.Contains(got.Context, "\n") || len([]rune(got.Context)) > 100 {
			t.Errorf("%s: %+v", status, got)
		}
	}
}

// Bounded, without what steers a terminal, whatever the journal says.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	state := ended(event.Failed)
	flood := strings.Repeat("x\x1b[2J\u202e", 1<<14)
	state.Failure = &event.Failure{Summary: flood, Detail: flood}
	for range 1000 {
		state.Stages = append(state.Stages, &runstate.StageState{
			StageInfo: event.StageInfo{Name: flood}, Status: event.Failed, Finish: &event.Finish{Failure: &event.Failure{Summary: flood}},
		})
	}
	o := notify.Occasion{State: state, Now: noon(), Rules: []notify.Rule{rule("a", "hook", pipeline.RunFailure)}}
	l := o.Letters()[0]
	data, err := l.Encode()
	if err != nil || len(data) > 64<<10 {
		t.Errorf("the letter has %d bytes, %v", len(data), err)
	}
	if text := l.Message.Text(); strings.ContainsAny(text, "\x1b\u202e") || len(l.Message.Stages) != 20 {
		t.Errorf("%d stages, %.100q", len(l.Message.Stages), text)
	}
	if _, err := notify.Decode(data); err != nil {
		t.Error(err)
	}
}

// Pauses double up to an hour, are as long as the other side asks for, and end
// after three days.
func TestTryingAgain(t *testing.T) {
	t.Parallel()
	clean := func(s string) string { return strings.ReplaceAll(s, "hush", "***") }
	l := &notify.Letter{Created: noon(), Progress: notify.ToSend}
	at := noon()
	var pauses []time.Duration
	for l.Open() {
		l.Failed(at, errors.New("no: hush"), clean)
		if l.Open() {
			pauses = append(pauses, l.Next.Sub(at))
			at = l.Next
		}
	}
	if l.Progress != notify.GivenUp || at.Sub(noon()) > 72*time.Hour || len(pauses) > 100 || l.Problem != "no: ***" {
		t.Errorf("after %d attempts and %s: %s, %s", l.Attempts, at.Sub(noon()), l.Progress, l.Problem)
	}
	if !slices.Equal(pauses[:3], []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}) || slices.Max(pauses) != time.Hour {
		t.Errorf("the pauses are %v", pauses)
	}
	asked := &notify.Letter{Created: noon(), Progress: notify.ToSend}
	asked.Failed(noon(), &notify.Fault{Err: errors.New("busy"), After: 10 * time.Minute}, clean)
	if pause := asked.Next.Sub(noon()); pause != 10*time.Minute {
		t.Errorf("ten minutes were asked for, and the pause is %s", pause)
	}
	asked.Failed(noon(), &notify.Fault{Err: errors.New("busy"), After: 1000 * time.Hour}, clean)
	if pause := asked.Next.Sub(noon()); pause != 24*time.Hour {
		t.Errorf("a thousand hours were asked for, and the pause is %s", pause)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://a.example.com/b": true, "http://127.0.0.1:80/": true, "http://[::1]/": true, "http://localhost/": true,
		"http://a.example.com/": false, "http://127.0.0.1.example.com/": false, "https://u:p@a.example.com/": false, "ftp://a.example.com/": false,
		"": false, "/a": false, "https://": false, "http://\x00/": false,
	} {
		if err := notify.CheckURL(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}
