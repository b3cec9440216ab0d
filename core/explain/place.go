package explain

import (
	"regexp"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
)

// place finds which stage made what a finding is about, and where the pipeline
// says so.
func (x explainer) place(f *Finding, v event.Violation) {
	if x.pipeline == nil {
		return
	}
	if f.Stage = x.stage(v, f.Facts); f.Stage == "" {
		return
	}
	at, in, ok := x.pipeline.Stage(f.Stage, words(v))
	if !ok {
		return
	}
	f.at, f.in = &at, in
	f.Place = diag.NewPlace(&at)
}

// stage is the one that a finding is about: the maker of an artifact, the tester
// of an evaluation, and else the deployer, unless the rule rests on what no stage
// says.
func (x explainer) stage(v event.Violation, facts []Fact) string {
	if digest := x.doc.artifact(v.Subject); digest != "" {
		return x.pipeline.Maker(digest)
	}
	for _, object := range x.doc.list("evals") {
		if stage := str(object, "stage"); stage != "" && strings.HasPrefix(v.Subject+" ", stage+" ") {
			return stage
		}
	}
	for _, fact := range facts {
		switch root, _, _ := strings.Cut(fact.Name, "."); root {
		case "now", "run", "encryption", "waivers":
		default:
			return x.deployer
		}
	}
	if len(facts) == 0 {
		return x.deployer
	}
	return ""
}

// artifact is the digest of the artifact that a subject names, or empty. Of
// several with one name, the model is meant rather than the image, and both
// rather than a file.
func (d document) artifact(subject string) string {
	found, best := "", 0
	for _, object := range d.list("artifacts") {
		rank := 1 + max(0, slices.Index([]string{"", "image", "model"}, str(object, "kind")))
		switch digest := str(object, "digest"); {
		case subject == "":
		case subject == digest:
			return digest
		case subject == str(object, "name") && rank > best:
			found, best = digest, rank
		}
	}
	return found
}

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_-]*`)

// words are the names in a finding that a pipeline may use as well: those of its
// subject, of its message, and of the facts that it rests on, the last of which
// counts most.
func words(v event.Violation) []string {
	var out []string
	for _, fact := range v.Facts {
		out = append(out, fact[strings.LastIndexByte(fact, '.')+1:])
	}
	out = append(out, word.FindAllString(v.Message, -1)...)
	return append(out, word.FindAllString(v.Subject, -1)...)
}

// list is a list of objects of the document.
func (d document) list(name string) []map[string]any {
	all, _ := d[name].([]any)
	var out []map[string]any
	for _, element := range all {
		if object, ok := element.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out
}

func str(object map[string]any, key string) string {
	s, _ := object[key].(string)
	return s
}
