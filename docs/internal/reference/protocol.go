package reference

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/handbook"
)

// declaration is a service, message or enum of the protocol.
type declaration struct {
	sort, name, comment string
	members             []member
}

// member is a method, a field or a value. Those of a message inside, or of a
// choice, are listed with their outer one.
type member struct{ name, what, comment string }

// Protocol is the reference of all services, messages and enums in the .proto
// files of a folder.
func Protocol(files fs.FS) (string, error) {
	names, err := fs.Glob(files, "*.proto")
	if err != nil || len(names) == 0 {
		return "", errors.Join(errors.New("read protocol: there is no .proto file"), err)
	}
	var all []declaration
	for _, name := range names {
		src, err := fs.ReadFile(files, name)
		if err != nil {
			return "", fmt.Errorf("read protocol: %w", err)
		}
		found, err := declarations(string(src))
		if err != nil {
			return "", fmt.Errorf("read protocol %s: %w", path.Base(name), err)
		}
		all = append(all, found...)
	}
	var out strings.Builder
	for _, sort := range []string{"service", "message", "enum"} {
		title := strings.ToUpper(sort[:1]) + sort[1:] + "s"
		fmt.Fprintf(&out, "\n### %s\n", title)
		of := slices.DeleteFunc(slices.Clone(all), func(d declaration) bool { return d.sort != sort })
		slices.SortFunc(of, func(a, b declaration) int { return strings.Compare(a.name, b.name) })
		for _, d := range of {
			d.write(&out)
		}
	}
	return out.String(), nil
}

func (d declaration) write(out *strings.Builder) {
	fmt.Fprintf(out, "\n#### `%s`\n\n%s\n", d.name, d.comment)
	if len(d.members) == 0 {
		return
	}
	head := map[string]string{"service": "| Method | Signature |", "message": "| Field | Type |", "enum": "| Value | Number |"}[d.sort]
	fmt.Fprintf(out, "\n%s Meaning |\n|---|---|---|\n", head)
	for _, m := range d.members {
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", m.name, m.what, handbook.Cell(m.comment))
	}
}

// declarations reads one file, which buf has formatted: a comment is on lines
// of its own before what it is about, and a bracket ends a line.
func declarations(src string) ([]declaration, error) {
	open := regexp.MustCompile(`^(service|message|enum|oneof) (\w+) \{(\})?$`)
	method := regexp.MustCompile(`^rpc (\w+)\((.+)\) returns \((.+)\);$`)
	field := regexp.MustCompile(`^(.+) (\w+) = (\d+);$`)
	value := regexp.MustCompile(`^(\w+) = (\d+);$`)
	var out []declaration
	var nest, comment []string
	add := func(name, what string) {
		d := &out[len(out)-1]
		prefix := strings.Join(nest[1:], ".")
		if prefix != "" {
			prefix += "."
		}
		d.members = append(d.members, member{prefix + name, what, strings.Join(comment, " ")})
		comment = nil
	}
	for line := range strings.Lines(src) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "//"):
			comment = append(comment, strings.TrimSpace(strings.TrimPrefix(line, "//")))
		case open.MatchString(line):
			m := open.FindStringSubmatch(line)
			if len(nest) == 0 {
				out = append(out, declaration{sort: m[1], name: m[2], comment: strings.Join(comment, " ")})
			}
			if m[3] == "" {
				nest = append(nest, m[2])
			}
			comment = nil
		case line == "}":
			if len(nest) == 0 {
				return nil, errors.New("a bracket closes nothing")
			}
			nest = nest[:len(nest)-1]
		case len(nest) == 0: // syntax, package, import, option
			comment = nil
		case method.MatchString(line):
			m := method.FindStringSubmatch(line)
			add(m[1], fmt.Sprintf("%s → %s", m[2], m[3]))
		case value.MatchString(line):
			m := value.FindStringSubmatch(line)
			add(m[1], m[2])
		case field.MatchString(line):
			m := field.FindStringSubmatch(line)
			add(m[2], "`"+m[1]+"` "+m[3])
		}
	}
	return out, nil
}
