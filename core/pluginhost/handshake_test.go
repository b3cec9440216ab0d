package pluginhost

import (
	"bufio"
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadHandshake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inside, outside := filepath.Join(dir, "s"), filepath.Join(t.TempDir(), "s")
	for _, path := range []string{inside, outside} {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
	}
	place(t, dir, "file")
	authority := strings.Repeat("A", 100)
	for name, tc := range map[string]struct{ in, text string }{
		"good":            {"1|1|unix|" + inside + "|grpc|\n", ""},
		"more fields":     {"1|1|unix|" + inside + "|grpc||true\n", ""},
		"own authority":   {"1|1|unix|" + inside + "|grpc|" + authority + "\n", ""},
		"outside":         {"1|1|unix|" + outside + "|grpc|\n", "outside"},
		"climbing":        {"1|1|unix|" + dir + "/x/../s|grpc|\n", "outside"},
		"a file":          {"1|1|unix|" + dir + "/file|grpc|\n", "is none"},
		"absent":          {"1|1|unix|" + dir + "/absent|grpc|\n", "not there"},
		"tcp":             {"1|1|tcp|127.0.0.1:80|grpc|\n", "unix socket"},
		"net/rpc":         {"1|1|unix|" + inside + "|netrpc|\n", "grpc"},
		"other version":   {"1|2|unix|" + inside + "|grpc|\n", "version \"2\""},
		"other go-plugin": {"2|1|unix|" + inside + "|grpc|\n", "go-plugin"},
		"short":           {"1|1\n", "no handshake"},
		"prose":           {"usage: plugin\n", "no handshake"},
		"nothing":         {"", "no handshake"},
		"no newline":      {"1|1|unix|" + inside + "|grpc|", "broke off"},
		"too long":        {strings.Repeat("x", maxHandshake+1), "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readHandshake(bufio.NewReaderSize(strings.NewReader(tc.in), maxHandshake), dir)
			switch {
			case tc.text == "" && (err != nil || got != "1|1|unix|"+inside+"|grpc|\n"):
				t.Errorf("got %q, %v", got, err)
			case tc.text != "" && (err == nil || !strings.Contains(err.Error(), tc.text)):
				t.Errorf("got %q, %v; want %q", got, err, tc.text)
			}
		})
	}
}

func FuzzReadHandshake(f *testing.F) {
	dir := f.TempDir()
	for _, seed := range []string{"1|1|unix|" + dir + "/s|grpc|\n", "||||||\n", "1|1|unix|..|grpc\n", "\x00\xff\n", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		line, err := readHandshake(bufio.NewReaderSize(bytes.NewReader(in), maxHandshake), dir)
		if err == nil {
			t.Fatalf("accepted %q without any socket: %q", in, line)
		}
		if len(err.Error()) > 4*maxComplaint {
			t.Errorf("the message has %d bytes", len(err.Error()))
		}
		if strings.ContainsAny(err.Error(), "\x1b\x00") {
			t.Errorf("the message %q holds control characters", err)
		}
	})
}
