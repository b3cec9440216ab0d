package cache

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/runstate"
)

// maxChanges is how many changes are named.
const maxChanges = 5

// explain compares the inputs with those of the stage's last result.
func (l *lookup) explain() []string {
	last, err := l.cache.o.Results.Latest(l.cache.scope, l.query.Stage.Name)
	var damaged *runstate.DamagedError
	switch {
	case errors.Is(err, runstate.ErrNotFound):
		return []string{"it has no earlier result"}
	case errors.As(err, &damaged):
		return []string{"the last result is damaged: " + damaged.Reason}
	case err != nil:
		return []string{err.Error()}
	}
	changes := compare(last.Inputs, l.inputs)
	if len(changes) == 0 {
		return []string{"its last result is gone"}
	}
	if rest := len(changes) - maxChanges; rest > 0 {
		changes = append(changes[:maxChanges], fmt.Sprintf("and %d more", rest))
	}
	return changes
}

// compare says what differs, the most telling first: what people have written,
// then files, then what surrounds them.
func compare(before, now []runstate.ResultInput) []string {
	was, is := digests(before), digests(now)
	names := maps.Clone(was)
	maps.Copy(names, is)
	changed := make([]string, 0, len(names))
	for name := range names {
		if was[name] != is[name] {
			changed = append(changed, name)
		}
	}
	slices.SortFunc(changed, func(a, b string) int {
		if order := weight(a) - weight(b); order != 0 {
			return order
		}
		return strings.Compare(a, b)
	})
	for i, name := range changed {
		changed[i] = difference(name, was[name], is[name])
	}
	return changed
}

// digests are the inputs by name. Two with one name, as artifacts may have, are
// one here.
func digests(inputs []runstate.ResultInput) map[string]string {
	out := make(map[string]string, len(inputs))
	for _, in := range inputs {
		out[in.Name] += in.Digest
	}
	return out
}

func weight(name string) int {
	switch {
	case strings.HasPrefix(name, "config"):
		return 0
	case strings.HasPrefix(name, "artifact "):
		return 1
	case strings.HasPrefix(name, fileInput):
		return 2
	default:
		return 3
	}
}

func difference(name, was, is string) string {
	verb := "changed"
	switch {
	case was == "" && strings.HasPrefix(name, fileInput):
		verb = "is new"
	case is == "" && strings.HasPrefix(name, fileInput):
		verb = "is gone"
	case strings.HasPrefix(name, pluginInput):
		verb = "was updated"
	case strings.HasPrefix(name, variableInput):
		return name + " of the runner's environment changed"
	}
	return name + " " + verb
}
