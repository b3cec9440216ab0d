package module

import (
	"fmt"
	"strings"
)

// Allowed are the addresses that modules may come from: each is the beginning
// of some. Empty means every https and ssh address, and no path of this
// machine.
type Allowed []string

// Check refuses what the operator does not allow.
func (a Allowed) Check(s Source) error {
	if len(a) == 0 {
		if strings.HasPrefix(s.Repository, "file:") {
			return fmt.Errorf("a pipeline may not read repositories of this machine; the operator can allow %s in module_sources", s.Repository)
		}
		return nil
	}
	for _, prefix := range a {
		rest, ok := strings.CutPrefix(s.Repository, strings.TrimSuffix(prefix, "/"))
		if ok && (rest == "" || rest[0] == '/') {
			return nil
		}
	}
	return fmt.Errorf("the operator's module_sources do not allow %s; they allow %s", s.Repository, strings.Join(a, ", "))
}

// CheckPrefix reports whether an operator's entry is the beginning of an
// address, up to the end of a host or a part of a path.
func CheckPrefix(prefix string) error {
	for _, scheme := range []string{"https://", "ssh://", "file:///"} {
		if rest, ok := strings.CutPrefix(prefix, scheme); ok && rest != "" {
			_, err := Parse(Prefix + strings.TrimSuffix(prefix, "/") + "/x")
			return err
		}
	}
	return fmt.Errorf("it does not begin with https://host, ssh://host or file:///path")
}
