package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stagegate/stagegate/sdk"
)

// What is accepted at most.
const (
	MaxBytes = 4 << 20
	MaxCount = 1_000
	maxName  = 200
	maxUnit  = 64
)

// Parse reads one JSON object of either form. The metrics are sorted by name,
// so that equal measurements give equal reports.
func Parse(data []byte) ([]sdk.Metric, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("the metrics take %d bytes; at most %d are read", len(data), MaxBytes)
	}
	_, end, err := firstValue(data)
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	if len(bytes.TrimSpace(data[end:])) > 0 {
		return nil, errors.New("read the metrics: the JSON value is followed by more text")
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(data)), seen: make(map[string]bool)}
	r.dec.UseNumber()
	if err := r.document(); err != nil {
		return nil, err
	}
	if len(r.found) == 0 {
		return nil, errors.New("the JSON object holds no metric")
	}
	slices.SortFunc(r.found, func(a, b sdk.Metric) int { return strings.Compare(a.Name, b.Name) })
	return r.found, nil
}

// reader walks the tokens of a document that is known to be valid JSON.
// Decoding into a map would let the last of two equal names win silently.
type reader struct {
	dec   *json.Decoder
	found []sdk.Metric
	seen  map[string]bool
}

func (r *reader) document() error {
	if tok, err := r.dec.Token(); err != nil || tok != json.Delim('{') {
		return errors.New(`the metrics are not a JSON object such as {"accuracy": 0.95}`)
	}
	for first := true; r.dec.More(); first = false {
		name, err := r.key()
		if err != nil {
			return err
		}
		value, err := r.dec.Token()
		if err != nil {
			return fmt.Errorf("read metric %s: %w", quoted(name), err)
		}
		if name == "metrics" && value == json.Delim('[') {
			if !first || len(r.found) > 0 {
				return errors.New(`the object has a "metrics" list and other members; use one form`)
			}
			if err := r.list(); err != nil {
				return err
			}
			if r.dec.More() {
				return errors.New(`the object has a "metrics" list and other members; use one form`)
			}
			return nil
		}
		number, err := toNumber(name, value)
		if err != nil {
			return err
		}
		if err := r.add(sdk.Metric{Name: name, Value: number}); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) list() error {
	for r.dec.More() {
		if tok, err := r.dec.Token(); err != nil || tok != json.Delim('{') {
			return fmt.Errorf(`entry %d of "metrics" is not an object with name and value`, len(r.found)+1)
		}
		m, err := r.entry()
		if err != nil {
			return fmt.Errorf(`entry %d of "metrics": %w`, len(r.found)+1, err)
		}
		if err := r.add(m); err != nil {
			return err
		}
	}
	_, err := r.dec.Token()
	return err
}

// entry reads one element of the long form, after its opening brace.
func (r *reader) entry() (sdk.Metric, error) {
	var m sdk.Metric
	set := make(map[string]bool, 4)
	for r.dec.More() {
		field, err := r.key()
		if err != nil {
			return m, err
		}
		if set[field] {
			return m, fmt.Errorf("%s is there twice", quoted(field))
		}
		set[field] = true
		value, err := r.dec.Token()
		if err != nil {
			return m, err
		}
		if err := setField(&m, field, value); err != nil {
			return m, err
		}
	}
	if _, err := r.dec.Token(); err != nil {
		return m, err
	}
	if !set["name"] || !set["value"] {
		return m, errors.New("name and value are required")
	}
	return m, nil
}

func setField(m *sdk.Metric, field string, value json.Token) error {
	var err error
	switch field {
	case "name":
		m.Name, err = toText(field, value)
	case "unit":
		m.Unit, err = toText(field, value)
	case "value":
		m.Value, err = toNumber(field, value)
	case "samples":
		m.Samples, err = toCount(field, value)
	default:
		return fmt.Errorf("%s is not known; the fields are name, value, unit and samples", quoted(field))
	}
	return err
}

func (r *reader) key() (string, error) {
	tok, err := r.dec.Token()
	if err != nil {
		return "", err
	}
	return toText("member name", tok)
}

func (r *reader) add(m sdk.Metric) error {
	if err := checkName(m); err != nil {
		return err
	}
	if r.seen[m.Name] {
		return fmt.Errorf("metric %s is there twice", quoted(m.Name))
	}
	if len(r.found) == MaxCount {
		return fmt.Errorf("there are more than %d metrics; print those that the release depends on", MaxCount)
	}
	r.seen[m.Name] = true
	r.found = append(r.found, m)
	return nil
}

// toNumber refuses what a threshold cannot be compared with.
func toNumber(name string, tok json.Token) (float64, error) {
	n, ok := tok.(json.Number)
	if !ok {
		return 0, fmt.Errorf("%s is %s; a metric is a number", quoted(name), describe(tok))
	}
	v, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %s, which no 64-bit number can hold", quoted(name), short(n.String()))
	}
	return v, nil
}

func toCount(name string, tok json.Token) (int64, error) {
	n, ok := tok.(json.Number)
	if !ok {
		return 0, fmt.Errorf("%s is %s; it is a whole number", quoted(name), describe(tok))
	}
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("%s is %s; it is a whole number from 0", quoted(name), short(n.String()))
	}
	return v, nil
}

func toText(name string, tok json.Token) (string, error) {
	s, ok := tok.(string)
	if !ok {
		return "", fmt.Errorf("%s is %s; it is a string", quoted(name), describe(tok))
	}
	return s, nil
}
