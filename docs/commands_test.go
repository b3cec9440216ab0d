package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// A command that the guide shows is one that the runner has, with flags that
// it takes.
func TestCommandsExist(t *testing.T) {
	t.Parallel()
	helps := make(map[string]string)
	help := func(words ...string) string {
		key := strings.Join(words, " ")
		if _, ok := helps[key]; !ok {
			out, err := program(t.Context(), "cmd/runner", append(words, "--help")...)
			if err != nil {
				t.Fatalf("runner %s --help: %v", key, err)
			}
			helps[key] = string(out)
		}
		return helps[key]
	}
	count := 0
	for _, p := range pages(t) {
		if p.name == "docs/cli.md" { // made from the same help
			continue
		}
		for _, line := range commandLines(p) {
			count++
			checkCommand(t, p.name, line, help)
		}
	}
	if count < 10 {
		t.Errorf("only %d commands were found", count)
	}
}

// Every command of the reference is in the table of the README.
func TestEveryCommandIsInTheReadme(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md").text
	found := 0
	for anchor := range read(t, "docs/cli.md").anchors() {
		if strings.HasPrefix(anchor, "runner-") {
			found++
			if !strings.Contains(readme, "(docs/cli.md#"+anchor+")") {
				t.Errorf("README.md does not list the command of docs/cli.md#%s", anchor)
			}
		}
	}
	if found == 0 {
		t.Error("docs/cli.md has no commands")
	}
}

// commandLines are the uses of the runner in a page.
func commandLines(p page) []string {
	var out []string
	use := regexp.MustCompile(`^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:bin/)?runner ([a-z].*)$`)
	add := func(text string) {
		if m := use.FindStringSubmatch(strings.TrimSpace(text)); m != nil {
			out = append(out, m[1])
		}
	}
	for _, f := range p.fences() {
		for line := range strings.Lines(f.code) {
			add(line)
		}
	}
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(p.prose(), -1) {
		add(m[1])
	}
	return out
}

func checkCommand(t *testing.T, page, line string, help func(...string) string) {
	t.Helper()
	line, _, _ = strings.Cut(line, " | ")
	line, _, _ = strings.Cut(line, " #")
	words := strings.Fields(line)
	command := []string{words[0]}
	subcommand := func(of, name string) bool {
		return regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(name) + ` `).MatchString(of)
	}
	if !subcommand(help(), words[0]) {
		t.Errorf("%s shows `runner %s`, and there is no such command", page, line)
		return
	}
	if len(words) > 1 && subcommand(help(words[0]), words[1]) {
		command = words[:2]
	}
	text := help(command...)
	for _, flag := range regexp.MustCompile(`--[a-z][a-z-]*`).FindAllString(line, -1) {
		if !strings.Contains(text, flag+" ") && !strings.Contains(text, flag+"\n") {
			t.Errorf("%s shows `runner %s`, and %s is no flag of it", page, line, flag)
		}
	}
}
