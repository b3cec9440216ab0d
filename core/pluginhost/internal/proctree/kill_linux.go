package proctree

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// pause bounds the wait for the victims of one round before the next look.
const pause = 50 * time.Millisecond

func kill(ctx context.Context, mark Mark) []int {
	for {
		victims := scan(mark)
		if len(victims) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			left := make([]int, 0, len(victims))
			for _, v := range victims {
				left = append(left, v.pid)
			}
			return left
		}
		killRound(victims, mark)
	}
}

// killRound signals each victim through a pidfd, which pins the process: what
// is read from /proc after it was opened is about the process that is killed.
func killRound(victims []entry, mark Mark) {
	var fds []unix.PollFd
	for _, v := range victims {
		fd, err := unix.PidfdOpen(v.pid, 0)
		if err != nil {
			continue
		}
		if now, ok := read(v.pid, mark); !ok || now.start != v.start {
			_ = unix.Close(fd)
			continue
		}
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}) //nolint:gosec // a file descriptor fits
	}
	until := time.Now().Add(pause)
	for i := range fds {
		left := max(time.Until(until), 0)
		_, _ = unix.Poll(fds[i:i+1], int(left.Milliseconds()))
		_ = unix.Close(int(fds[i].Fd))
	}
}
