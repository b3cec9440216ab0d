package kubernetes

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// Bounds of what people can read.
const (
	maxDiffLines = 200
	maxDiffValue = 200
)

// diff lists the fields in which two states of an object differ, one a line:
// "~ spec.replicas: 2 → 3". It is empty when nothing would change.
func diff(before, after kube.Object) string {
	d := &differ{secret: regexp.MustCompile(`(?i)pass|secret|token|credential|api_?key|private`)}
	d.maps("", essential(before), essential(after))
	if len(d.lines) > maxDiffLines {
		more := len(d.lines) - maxDiffLines
		d.lines = append(d.lines[:maxDiffLines], fmt.Sprintf("… and %d more", more))
	}
	return strings.Join(d.lines, "\n")
}

// essential leaves out what the server keeps for itself.
func essential(o kube.Object) map[string]any {
	c := o.Clone()
	delete(c, "status")
	if m, ok := c["metadata"].(map[string]any); ok {
		for _, key := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"} {
			delete(m, key)
		}
	}
	return c
}

type differ struct {
	secret *regexp.Regexp
	lines  []string
}

func (d *differ) maps(at string, before, after map[string]any) {
	keys := slices.Sorted(maps.Keys(before))
	for key := range after {
		if _, ok := before[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		was, had := before[key]
		is, has := after[key]
		path := strings.TrimPrefix(at+"."+key, ".")
		switch {
		case !had:
			d.line("+", path, d.show(path, is))
		case !has:
			d.line("-", path, d.show(path, was))
		default:
			d.values(path, was, is)
		}
	}
}

func (d *differ) values(path string, was, is any) {
	if reflect.DeepEqual(was, is) {
		return
	}
	wasMap, isMaps := was.(map[string]any)
	if isMap, ok := is.(map[string]any); ok && isMaps {
		d.maps(path, wasMap, isMap)
		return
	}
	if a, b, ok := named(was, is); ok {
		d.maps(path, a, b)
		return
	}
	d.line("~", path, d.show(path, was)+" → "+d.show(path, is))
}

// named turns two lists of objects with names into maps, so that one that was
// added shows as that and not as a change of all that follow.
func named(was, is any) (before, after map[string]any, ok bool) {
	if before, ok = byName(was); !ok {
		return nil, nil, false
	}
	after, ok = byName(is)
	return before, after, ok
}

func byName(v any) (map[string]any, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	out := make(map[string]any, len(list))
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return nil, false
		}
		name, ok := m["name"].(string)
		if !ok {
			return nil, false
		}
		out["["+name+"]"] = m
	}
	return out, len(out) == len(list)
}

func (d *differ) line(mark, path, text string) {
	d.lines = append(d.lines, mark+" "+strings.ReplaceAll(path, ".[", "[")+": "+text)
}

// show is a value for people. Environment variables that look like secrets are
// masked: ours hold none, but the object may have been somebody else's.
func (d *differ) show(path string, v any) string {
	if d.hides(path, v) {
		return "(hidden)"
	}
	raw, err := json.Marshal(d.masked(v))
	if err != nil {
		return fmt.Sprintf("(a %T)", v)
	}
	if text := []rune(string(raw)); len(text) > maxDiffValue {
		return string(text[:maxDiffValue]) + "…"
	}
	return string(raw)
}

func (d *differ) hides(path string, v any) bool {
	_, text := v.(string)
	at := strings.LastIndex(path, "env.[")
	return text && at >= 0 && strings.HasSuffix(path, ".value") && d.secret.MatchString(path[at:])
}

// masked hides the values of suspicious variables within a larger value.
func (d *differ) masked(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		name, _ := v["name"].(string)
		for key, e := range v {
			out[key] = d.masked(e)
			if key == "value" && d.secret.MatchString(name) {
				out[key] = "(hidden)"
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = d.masked(e)
		}
		return out
	}
	return v
}
