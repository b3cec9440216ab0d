package junit_test

import (
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/junit"
)

func TestEvaluation(t *testing.T) {
	t.Parallel()
	var r junit.Report
	if err := r.Read(strings.NewReader(pytestLike)); err != nil {
		t.Fatal(err)
	}
	e, err := r.Evaluation([]string{"suite"})
	if err != nil {
		t.Fatal(err)
	}
	// One passed, one failed, one broke, and one was skipped.
	m, ok := e.Find("pass_rate")
	if !ok || m.Samples != 3 || m.Value < 0.333 || m.Value > 0.334 {
		t.Errorf("metric is %+v", m)
	}
	s, _ := e.Series("pass_rate")
	if suites, ok := s.Slices("suite"); !ok || len(suites) != 2 {
		t.Errorf("slices are %+v", suites)
	}
	if _, err := r.Evaluation([]string{"class"}); err == nil || !strings.Contains(err.Error(), `not by "class"`) {
		t.Errorf("error is %v", err)
	}
	if _, err := new(junit.Report).Evaluation(nil); err == nil || !strings.Contains(err.Error(), "no case") {
		t.Errorf("error is %v", err)
	}
}
