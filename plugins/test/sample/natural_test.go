package sample_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/sample"
)

func TestNatural(t *testing.T) {
	t.Parallel()
	names := []string{"v1.10", "v1.9", "v1.9-rc", "", "v1.09", "10", "9", "t2", "t10", "ä2", "v1.100"}
	slices.SortStableFunc(names, sample.Natural)
	want := []string{"", "9", "10", "t2", "t10", "v1.9", "v1.09", "v1.9-rc", "v1.10", "v1.100", "ä2"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}
