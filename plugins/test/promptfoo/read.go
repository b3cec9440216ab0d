package promptfoo

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/plugins/test/document"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
)

// What is read at most. Each result holds a prompt and what a model said.
const (
	maxBytes = 8 << 30
	maxValue = 64 << 20
)

// version is the only one whose form is known.
const version = 3

// reader walks a document that may be larger than memory: one result is held
// at a time.
type reader struct {
	in   *meter
	dec  *json.Decoder
	sums sums
	// stats is what the tool itself counted: a file that was cut, or written
	// while tests were running, does not fit it.
	stats  map[string]float64
	isV3   bool
	result bool // whether there was a list of results
}

// Read reads one file. Labels are paths in a result, such as "vars.topic".
func Read(f evaluation.File, labels []string) (_ *evaluation.Evaluation, err error) {
	in, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	r := &reader{in: &meter{r: in, total: maxBytes}, sums: newSums(labels)}
	r.dec = json.NewDecoder(r.in)
	r.dec.UseNumber()
	e, err := r.read()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	return e, nil
}

func (r *reader) read() (*evaluation.Evaluation, error) {
	if err := r.object("", r.top); err != nil {
		return nil, err
	}
	switch {
	case !r.isV3:
		return nil, fmt.Errorf("it does not say that it is of version %d; write it with promptfoo eval --output results.json", version)
	case !r.result:
		return nil, errors.New("it holds no list of results")
	}
	if err := r.counted(); err != nil {
		return nil, err
	}
	return r.sums.evaluation()
}

// top reads the members of the document. The summary is its member "results",
// or the document itself.
func (r *reader) top(name string) error {
	if name == "results" {
		token, err := r.token()
		switch {
		case err != nil:
			return err
		case token == json.Delim('{'):
			return r.members("results.", r.summary)
		case token == json.Delim('['):
			return r.list("results")
		}
		return errors.New("results is neither an object nor a list")
	}
	return r.summary(name)
}

func (r *reader) summary(name string) error {
	switch name {
	case "version":
		v, err := r.value()
		if err != nil {
			return err
		}
		if f, err := v.Float(); err != nil || f != version {
			return fmt.Errorf("it is of version %.40s; only version %d is known", v.Raw(), version)
		}
		r.isV3 = true
		return nil
	case "results":
		token, err := r.token()
		if err != nil {
			return err
		}
		if token != json.Delim('[') {
			return errors.New("results.results is not a list")
		}
		return r.list("results.results")
	case "stats":
		return r.counts()
	}
	_, err := r.value()
	return err
}

// list reads results up to the end of the open list.
func (r *reader) list(path string) error {
	if r.result {
		return errors.New("there are two lists of results")
	}
	r.result = true
	for i := 0; r.dec.More(); i++ {
		v, err := r.value()
		if err != nil {
			return fmt.Errorf("%s[%d]: %w", path, i, err)
		}
		if err := r.sums.add(v); err != nil {
			return fmt.Errorf("%s[%d]: %w", path, i, withoutLine(err))
		}
	}
	_, err := r.token()
	return err
}

func (r *reader) counts() error {
	v, err := r.value()
	if err != nil {
		return err
	}
	r.stats = make(map[string]float64)
	for _, name := range []string{"successes", "failures", "errors"} {
		n, ok := v.Get(name)
		if !ok {
			return fmt.Errorf("stats: it has no %q", name)
		}
		if r.stats[name], err = n.Float(); err != nil {
			return fmt.Errorf("stats: %w", withoutLine(err))
		}
	}
	return nil
}

// counted compares the results with what the tool counted.
func (r *reader) counted() error {
	if r.stats == nil {
		return nil
	}
	if want := r.stats["successes"] + r.stats["failures"] + r.stats["errors"]; want != float64(r.sums.results) {
		return fmt.Errorf("it holds %d results, and its stats count %g; was it written to its end?", r.sums.results, want)
	}
	if r.stats["successes"] != float64(r.sums.passed) {
		return fmt.Errorf("%d of its results are successes, and its stats count %g", r.sums.passed, r.stats["successes"])
	}
	return nil
}

func withoutLine(err error) error {
	if at, ok := errors.AsType[*document.Error](err); ok {
		if at.Path == "" {
			return errors.New(at.Text)
		}
		return fmt.Errorf("%s: %s", at.Path, at.Text)
	}
	return err
}
