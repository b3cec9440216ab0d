package module

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/stagegate/stagegate/core/trigger"
)

// Prefix begins the sources that this package fetches.
const Prefix = "git::"

// maxSource bounds a source, in bytes.
const maxSource = 1024

// Source is where a module is: a folder of a git repository, as of a ref.
type Source struct {
	Repository string // https://…, ssh://… or file:///…, without credentials
	Folder     string // within the tree; empty is the top
	Ref        string // branch, tag, full ref or commit id; empty is what the repository's HEAD says
}

// String is the source in its one form: the lock file knows it by that.
func (s Source) String() string {
	out := Prefix + s.Repository
	if s.Folder != "" {
		out += "//" + s.Folder
	}
	if s.Ref != "" {
		out += "?ref=" + s.Ref
	}
	return out
}

// Parse reads a source: git::https://host/repository.git//folder?ref=v1.2. Its
// error does not show a source that may hold a password.
func Parse(text string) (Source, error) {
	rest, ok := strings.CutPrefix(text, Prefix)
	if !ok {
		return Source{}, fmt.Errorf("it does not begin with %s", Prefix)
	}
	if len(text) > maxSource {
		return Source{}, fmt.Errorf("it is longer than %d bytes", maxSource)
	}
	if strings.IndexFunc(text, func(c rune) bool {
		return c > unicode.MaxASCII || c <= ' ' || c == 0x7f || strings.ContainsRune("\\\"'`<>|^{}", c)
	}) >= 0 {
		return Source{}, errors.New("it has a character that no address has")
	}
	if !strings.Contains(rest, "://") {
		return Source{}, errors.New("it has no scheme: write git::ssh://git@host/path for what git calls git@host:path")
	}
	u, err := url.Parse(rest)
	if err != nil {
		return Source{}, errors.New("it is not an address") // the cause would show it
	}
	if u.Fragment != "" || strings.Contains(rest, "#") {
		return Source{}, errors.New("an address of a repository has no #")
	}
	base, err := checkBase(u)
	if err != nil {
		return Source{}, err
	}
	out := Source{}
	repository, folder, _ := strings.Cut(strings.TrimPrefix(u.EscapedPath(), "/"), "//")
	if out.Folder, err = checkFolder(folder); err != nil {
		return Source{}, err
	}
	if repository, err = checkPath(repository); err != nil {
		return Source{}, err
	}
	out.Repository = base + "/" + repository
	out.Ref, err = refOf(u)
	return out, err
}

// checkBase gives scheme, user and host.
func checkBase(u *url.URL) (string, error) {
	host := strings.ToLower(u.Host)
	name, hasName := "", u.User != nil
	if hasName {
		name = u.User.Username()
	}
	switch u.Scheme {
	case "https":
		if hasName {
			return "", errors.New("it holds a user or a password, which would end up in the lock file: leave them out, and let git's credential helper give them")
		}
	case "ssh":
		if _, hasPassword := u.User.Password(); hasPassword {
			return "", errors.New("it holds a password, which would end up in the lock file: use a key")
		}
		if hasName && !regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`).MatchString(name) {
			return "", errors.New("its user is not a name")
		}
	case "file":
		if host != "" || hasName {
			return "", errors.New("a path on this machine is written git::file:///path")
		}
		return "file://", nil
	default:
		return "", errors.New("a repository is reached with https, ssh or file, and with nothing else")
	}
	if !regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:[0-9]{1,5})?$`).MatchString(host) {
		return "", errors.New("its host is not the name of one")
	}
	if hasName {
		host = name + "@" + host
	}
	return u.Scheme + "://" + host, nil
}

// checkPath accepts the path of a repository as it is written in an address.
func checkPath(escaped string) (string, error) {
	plain, err := url.PathUnescape(escaped)
	if err != nil || strings.IndexFunc(plain, unicode.IsControl) >= 0 {
		return "", errors.New("its path is not one")
	}
	escaped = strings.TrimSuffix(escaped, "/")
	if escaped == "" {
		return "", errors.New("it names no repository")
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(plain, "/"), "/") {
		if part == "" || part == "." || part == ".." {
			return "", fmt.Errorf("its path has a part %q, so that it is not clear where it leads", part)
		}
	}
	return escaped, nil
}

// checkFolder accepts a folder within the tree, in its one form.
func checkFolder(folder string) (string, error) {
	if folder == "" {
		return "", nil
	}
	folder = strings.TrimSuffix(folder, "/")
	if strings.Contains(folder, "//") {
		return "", errors.New("it has // twice: the first is before the folder within the repository")
	}
	if strings.ContainsAny(folder, "%:*?[") || path.Clean(folder) != folder || !safePath(folder) {
		return "", fmt.Errorf("the folder %q is not a path within the repository", folder)
	}
	return folder, nil
}

func refOf(u *url.URL) (string, error) {
	if u.RawQuery == "" {
		if u.ForceQuery {
			return "", errors.New("it ends with ? and no ref")
		}
		return "", nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", errors.New("what follows ? is not ref=…")
	}
	for name := range query {
		if name != "ref" {
			return "", fmt.Errorf("it has an argument %q: there is only ref", name)
		}
	}
	ref := query.Get("ref")
	switch {
	case len(query["ref"]) > 1:
		return "", errors.New("it has ref twice")
	case ref == "":
		return "", errors.New("its ref is empty: leave it out, or name a tag, a branch or a commit")
	case strings.HasPrefix(ref, "-"):
		return "", fmt.Errorf("ref %q begins with a dash, as no ref does", ref)
	case strings.ContainsAny(ref, "%&#+;"):
		return "", fmt.Errorf("ref %q has a character that an address cannot hold", ref)
	}
	full := ref
	if !strings.HasPrefix(ref, "refs/") {
		full = "refs/heads/" + ref
	}
	return ref, trigger.CheckRef(full)
}

// isCommit reports whether a text is the full id of an object.
func isCommit(text string) bool {
	return regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`).MatchString(text)
}
