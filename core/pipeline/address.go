package pipeline

import "strings"

// SplitName takes a stage's name apart: the modules that it is in, from the
// outside, as module.m, and its name within the innermost.
func SplitName(name string) (modules []string, stage string) {
	rest := name
	for strings.HasPrefix(rest, modulePrefix) {
		end := len(modulePrefix) + step(rest[len(modulePrefix):])
		modules, rest = append(modules, rest[:end]), strings.TrimPrefix(rest[end:], ".")
	}
	return modules, StageName(rest)
}

// step is where the first step of an address ends: at a dot outside of quotes.
func step(address string) int {
	quoted := false
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			return i
		}
	}
	return len(address)
}
