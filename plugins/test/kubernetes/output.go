package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/plugins/test/job"
)

// maxOutput bounds what is passed on of a command's output.
const maxOutput = 1 << 30

// output is what a container writes, passed on as it is written. A connection
// that is lost is taken up where it was.
type output struct {
	client *cluster.Client
	to     io.Writer
	words  io.Writer // what is said about it

	pod  kube.Ref
	stop context.CancelFunc
	over chan struct{} // closed when the container has ended
	done chan struct{} // closed when all is read

	last   time.Time // of the latest line that was passed on
	same   int       // lines of that very moment
	half   int       // bytes that were passed on of the latest; all of it, when it ended
	passed int64
	err    error // why something is missing
}

// follow starts to read a pod's output, once.
func (o *output) follow(ctx context.Context, pod kube.Ref) {
	if o.pod == pod {
		return
	}
	o.finish(0)
	ctx, o.stop = context.WithCancel(ctx)
	o.pod, o.last, o.same, o.half, o.err = pod, time.Time{}, 0, whole, nil
	o.over, o.done = make(chan struct{}), make(chan struct{})
	go func(over, done chan struct{}) {
		defer close(done)
		o.run(ctx, over)
	}(o.over, o.done)
}

// finish reads what is left of a container that has ended, for so long at most.
func (o *output) finish(patience time.Duration) {
	if o.stop == nil {
		return
	}
	close(o.over)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
	}
	o.stop()
	<-o.done
	o.stop = nil
}

// again is how long lies between two connections, and tries how many may fail
// one after the other; last is that of a container that has ended.
const (
	again = time.Second
	tries = 10
	last  = 3
)

func (o *output) run(ctx context.Context, over <-chan struct{}) {
	for failed := 0; ; {
		ended, news := closed(over), over
		if ended {
			news = nil
		}
		stream, err := o.client.Follow(ctx, o.pod, job.ContainerName, o.last)
		refused := err != nil && cluster.KindOf(err) != cluster.Unreachable && cluster.KindOf(err) != cluster.Busy
		if err == nil {
			err = errors.Join(o.copy(stream), stream.Close())
		}
		switch {
		case ctx.Err() != nil:
			o.err = fmt.Errorf("the output of the pod %s may not be whole", o.pod.Name)
			return
		case err == nil && ended: // what it has written since is all there
			return
		case err == nil:
			failed = 0
		default:
			// A container that is starting has no output yet; one that has ended has none
			// any more.
			if failed++; failed == tries || ended && (refused || failed >= last) {
				o.err = fmt.Errorf("the output of the pod %s may not be whole: %w", o.pod.Name, err)
				return
			}
		}
		timer := time.NewTimer(again)
		select {
		case <-news: // the rest can be read at once
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// copy passes lines on without their times, and leaves out what was passed on
// before the connection was lost.
func (o *output) copy(stream io.Reader) error {
	r := bufio.NewReaderSize(stream, 64<<10)
	known, before, half := o.last, o.same, o.half
	begins, drop := true, 0 // bytes of this line that are known
	for {
		piece, err := r.ReadSlice('\n')
		if begins && len(piece) > 0 {
			at, rest, ok := cut(piece)
			if !ok && err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				rest = nil // it broke off within the time, which comes again
			}
			piece, drop = rest, 0
			switch {
			case !ok:
			case at.Before(known):
				drop = whole
			case at.Equal(known) && before > 0:
				drop = whole
				if before--; before == 0 {
					drop = half
				}
			default:
				o.note(at)
			}
		}
		n := min(drop, len(piece))
		if drop != whole {
			drop -= n
			o.pass(piece[n:])
		}
		begins = err == nil
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// whole is more than any line has.
const whole = math.MaxInt

// note takes note of a line that begins.
func (o *output) note(at time.Time) {
	if o.half = 0; at.Equal(o.last) {
		o.same++
		return
	}
	o.last, o.same = at, 1
}

// pass passes on a piece of the latest line.
func (o *output) pass(piece []byte) {
	if len(piece) == 0 {
		return
	}
	switch {
	case piece[len(piece)-1] == '\n':
		o.half = whole
	case o.half != whole:
		o.half += len(piece)
	}
	if o.passed >= maxOutput {
		return
	}
	if o.passed += int64(len(piece)); o.passed >= maxOutput {
		fmt.Fprintf(o.words, "the output is longer than %s; the rest is left out\n", humanize.IBytes(maxOutput))
		return
	}
	_, _ = o.to.Write(piece) // it takes everything
}

// cut is the time of a line, and the line. What has no time is passed on as it
// is: it is the server's own word.
func cut(line []byte) (at time.Time, rest []byte, ok bool) {
	for i, b := range line[:min(len(line), 40)] {
		if b == ' ' || b == '\n' {
			at, err := time.Parse(time.RFC3339Nano, string(line[:i]))
			if err != nil {
				return time.Time{}, line, false
			}
			if b == ' ' {
				i++
			}
			return at, line[i:], true
		}
	}
	return time.Time{}, line, false
}
