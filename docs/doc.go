// Package docs holds the user guide and the tests that keep it true: its
// snippets parse, its links lead somewhere, its tables name what the code has,
// and the references in it are as fresh as what they are made from.
package docs

//go:generate go run ./internal/generate
//go:generate go run ../plugins/policy/internal/rulesdoc rules.md
