package opa

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/sdk"
)

// selection is what is evaluated of a bundle, and with which values.
type selection struct {
	parameters map[string]json.RawMessage
	groups     []string // sorted; nil means all
}

// selectionOf is what a configuration says.
func selectionOf(config sdk.Config) (selection, error) {
	parameters, err := parametersOf(config)
	if err != nil {
		return selection{}, err
	}
	s := selection{parameters: parameters}
	if !config.Set("groups") {
		return s, nil
	}
	s.groups = slices.Compact(slices.Sorted(slices.Values(config.Strings("groups"))))
	if len(s.groups) == 0 {
		return s, errors.New("groups is empty, so that no rule would be left; name at least one, or leave it out to have all")
	}
	return s, nil
}

// only leaves the rules of some groups. A group that is not there is a mistake
// that would otherwise leave rules out unseen.
func (s *ruleSet) only(groups []string) error {
	if groups == nil {
		return nil
	}
	there := make(map[string]bool)
	for _, r := range s.byID {
		there[r.Group] = true
	}
	for _, group := range groups {
		if !there[group] {
			return fmt.Errorf("it has no group %q; it has: %s", group, strings.Join(slices.Sorted(maps.Keys(there)), ", "))
		}
	}
	maps.DeleteFunc(s.byID, func(_ string, r *Rule) bool { return !slices.Contains(groups, r.Group) })
	maps.DeleteFunc(s.bodies, func(b body, _ *Rule) bool { return !slices.Contains(groups, b.group) })
	s.documents = slices.DeleteFunc(s.documents, func(d document) bool { return !slices.Contains(groups, d.group) })
	return nil
}

// checkDigest holds the files of a bundle to the digest that a configuration
// names. Whoever can write the files cannot write what was read before the run.
func checkDigest(config sdk.Config, files bundleFiles) error {
	if !config.Set("digest") {
		return nil
	}
	want, got := config.String("digest"), files.digest()
	if want != got {
		return fmt.Errorf("its files have the digest %s, and the configuration asks for %.80s", got, want)
	}
	return nil
}
