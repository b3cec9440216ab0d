package trigger

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what a hook reads.
const (
	maxLine    = 8 << 10
	maxUpdates = 1000
	maxRef     = 1024
)

// Update is one ref that a push has moved.
type Update struct {
	Ref string // full name
	Old string // commit id; all zeros when the ref is new
	New string // commit id; all zeros when the ref is gone
}

// Deleted reports whether the push removed the ref.
func (u Update) Deleted() bool { return strings.Trim(u.New, "0") == "" }

// Branch is the short name of a branch, or empty for any other ref.
func (u Update) Branch() string {
	name, ok := strings.CutPrefix(u.Ref, "refs/heads/")
	if !ok {
		return ""
	}
	return name
}

// ReadPostReceive reads what git gives a post-receive hook: a line "old new
// ref" for each ref.
func ReadPostReceive(r io.Reader) ([]Update, error) {
	return readLines(r, 3, func(f []string) Update { return Update{Old: f[0], New: f[1], Ref: f[2]} })
}

// ReadPrePush reads what git gives a pre-push hook: a line "local-ref local-id
// remote-ref remote-id" for each ref. A deletion has "(delete)" as its local
// ref.
func ReadPrePush(r io.Reader) ([]Update, error) {
	return readLines(r, 4, func(f []string) Update { return Update{New: f[1], Ref: f[2], Old: f[3]} })
}

func readLines(r io.Reader, fields int, take func([]string) Update) ([]Update, error) {
	lines := bufio.NewScanner(io.LimitReader(r, maxUpdates*maxLine))
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	var out []Update
	for lines.Scan() {
		if len(out) == maxUpdates {
			return nil, fmt.Errorf("read the push: more than %d refs at once", maxUpdates)
		}
		f := strings.Split(lines.Text(), " ")
		if len(f) != fields {
			return nil, fmt.Errorf("read the push: line %d has %d fields, not %d", len(out)+1, len(f), fields)
		}
		u := take(f)
		if err := errors.Join(checkID(u.Old), checkID(u.New), CheckRef(u.Ref)); err != nil {
			return nil, fmt.Errorf("read the push: %w", err)
		}
		out = append(out, u)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the push: %w", err)
	}
	return out, nil
}

// checkID accepts the hex form of a SHA-1 or SHA-256 object id.
func checkID(id string) error {
	if len(id) != 40 && len(id) != 64 {
		return fmt.Errorf("%.80q is not an object id", id)
	}
	for _, c := range id {
		if !strings.ContainsRune("0123456789abcdef", c) {
			return fmt.Errorf("%.80q is not an object id", id)
		}
	}
	return nil
}

// CheckRef accepts a full ref name by git's own rules (git-check-ref-format),
// and in addition nothing that deceives a reader: no control characters and no
// marks that change the direction of writing.
func CheckRef(ref string) error {
	bad := func(why string) error { return fmt.Errorf("ref %.80q is refused: %s", ref, why) }
	switch {
	case len(ref) > maxRef:
		return bad(fmt.Sprintf("it is longer than %d bytes", maxRef))
	case !strings.HasPrefix(ref, "refs/"):
		return bad("it is not a full name")
	case !utf8.ValidString(ref):
		return bad("it is not UTF-8")
	case strings.Contains(ref, "..") || strings.Contains(ref, "@{") || strings.ContainsAny(ref, " ~^:?*[\\"):
		return bad("git does not allow it")
	case strings.HasSuffix(ref, "/") || strings.HasSuffix(ref, ".") || strings.Contains(ref, "//"):
		return bad("git does not allow it")
	}
	for part := range strings.SplitSeq(ref, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return bad("git does not allow it")
		}
	}
	for _, c := range ref {
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || unicode.Is(unicode.Cf, c) {
			return bad("it has a character that cannot be seen")
		}
	}
	return nil
}
