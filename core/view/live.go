package view

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// live keeps one line for each running stage at the bottom of the terminal and
// prints what stays above them.
type live struct {
	mu       sync.Mutex
	progress *mpb.Progress
	narrator *narrator
	running  map[string]*runningStage
}

// runningStage is the line of one stage.
type runningStage struct {
	mu      sync.Mutex
	bar     *mpb.Bar
	name    string
	started time.Time
	task    string
}

func newLive(o Options) *live {
	return &live{
		progress: mpb.New(mpb.WithOutput(o.Out), mpb.WithAutoRefresh(), mpb.WithRefreshRate(120*time.Millisecond)),
		narrator: newNarrator(o),
		running:  make(map[string]*runningStage),
	}
}

// Show prints what stays, and updates the stage's line.
func (v *live) Show(e event.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e.Type {
	case event.StageFinished, event.StageSkipped:
		v.end(e.Stage)
	case event.StageProgress:
		if s := v.running[e.Stage]; s != nil {
			s.say(Printable(progress(e.Progress)))
		}
	}
	if text := v.narrator.lines(e); text != "" {
		_, _ = io.WriteString(v.progress, text)
	}
	switch s := v.running[e.Stage]; {
	case e.Type == event.StageWaiting && s == nil:
		v.begin(e)
		v.running[e.Stage].say("waiting")
	case e.Type == event.AttemptStarted && s == nil:
		v.begin(e)
	case e.Type == event.AttemptStarted:
		s.say("")
	}
}

func (v *live) begin(e event.Event) {
	s := &runningStage{name: v.narrator.name(e.Stage), started: time.Now()}
	s.bar = v.progress.New(0, mpb.NopStyle(), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Any(s.line)))
	v.running[e.Stage] = s
}

func (s *runningStage) say(task string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.task = task
}

// line is redrawn a few times a second.
func (s *runningStage) line(decor.Statistics) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	elapsed := time.Since(s.started)
	frame := frames[int(elapsed/(120*time.Millisecond))%len(frames)]
	return fmt.Sprintf("%c %s  %s  %s", frame, s.name, Duration(elapsed), s.task)
}

func (v *live) end(stage string) {
	if s := v.running[stage]; s != nil {
		s.bar.Abort(true)
		s.bar.Wait()
		delete(v.running, stage)
	}
}

// Close removes the lines of what still runs and waits for the last redraw.
func (v *live) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for stage := range v.running {
		v.end(stage)
	}
	v.progress.Wait()
}
