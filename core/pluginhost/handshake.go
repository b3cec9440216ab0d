package pluginhost

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/go-plugin"
	"github.com/stagegate/stagegate/sdk"
)

// errNoHandshake says that a plugin closed its output, mostly by ending.
var errNoHandshake = errors.New("it wrote no handshake")

// readHandshake reads the one line that a plugin writes to its standard
// output, and gives the line that go-plugin gets. go-plugin reads lines of any
// length, dials any address, and lets the line replace the authority that the
// plugin's certificate is checked against; this does not.
func readHandshake(r *bufio.Reader, dir string) (string, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("it began with more than %d bytes that are no handshake: %q…", maxHandshake, line[:64])
	case err != nil && len(line) == 0:
		return "", errNoHandshake
	case err != nil:
		return "", fmt.Errorf("its handshake broke off: %q", quote(string(line)))
	}
	socket, err := parseHandshake(strings.TrimSpace(string(line)))
	if err != nil {
		return "", err
	}
	if err := checkSocket(socket, dir); err != nil {
		return "", err
	}
	return handshakeLine(socket), nil
}

func handshakeLine(socket string) string {
	return fmt.Sprintf("%d|%d|unix|%s|grpc|\n", plugin.CoreProtocolVersion, sdk.Handshake().ProtocolVersion, socket)
}

// parseHandshake takes the line apart and returns the socket's path.
func parseHandshake(line string) (string, error) {
	fields := strings.Split(line, "|")
	if len(fields) < 5 {
		return "", fmt.Errorf("it wrote something that is no handshake: %q", quote(line))
	}
	if fields[0] != strconv.Itoa(plugin.CoreProtocolVersion) {
		return "", fmt.Errorf("it speaks version %q of go-plugin's protocol, the runner version %d", quote(fields[0]), plugin.CoreProtocolVersion)
	}
	if want := strconv.FormatUint(uint64(sdk.Handshake().ProtocolVersion), 10); fields[1] != want {
		return "", fmt.Errorf("it speaks version %q of the plugin protocol, the runner version %s: build it with the SDK of this runner", quote(fields[1]), want)
	}
	if fields[2] != "unix" || fields[4] != "grpc" {
		return "", fmt.Errorf("it offers %q over %q, the runner wants grpc over a unix socket", quote(fields[4]), quote(fields[2]))
	}
	return fields[3], nil
}

// checkSocket refuses every socket but one that this user made in the folder
// of the launch, so that a plugin cannot send the runner elsewhere.
func checkSocket(socket, dir string) error {
	if filepath.Dir(socket) != filepath.Clean(dir) || filepath.Clean(socket) != socket {
		return fmt.Errorf("its socket %q is outside the folder that it was given", quote(socket))
	}
	info, err := os.Lstat(socket)
	if err != nil {
		return fmt.Errorf("its socket is not there: %w", err)
	}
	if info.Mode().Type() != os.ModeSocket || !ownedByUs(info) {
		return fmt.Errorf("its socket %q is none, or somebody else's", quote(socket))
	}
	return nil
}
