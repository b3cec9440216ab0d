package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"
)

// Errors that no server of a test can bring about have words too, and none of
// them shows the address.
func TestWords(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"no such host":                         &net.DNSError{IsNotFound: true, Name: "secret"},
		"the host name could not be looked up": &net.DNSError{Name: "secret"},
		"no whole answer within 1s":            &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded},
		"no way to the host":                   &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH},
		exhausted:                              &net.OpError{Op: "dial", Err: syscall.EMFILE},
		`"stream error: stream ID …; INTERNAL_ERROR; received from peer"`: errors.New("stream error: stream ID 17; INTERNAL_ERROR; received from peer"),
		`"something else"`: fmt.Errorf("something else\nand more"),
	} {
		wrapped := &url.Error{Op: "Get", URL: "http://secret.example/", Err: err}
		if got := reason(context.Background(), wrapped, time.Second); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
