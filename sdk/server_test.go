package sdk

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// judge is a policy whose Validate the test gives, and which evaluates by it.
type judge struct{ validate func(Config) }

func (judge) Schema() Schema {
	return Schema{Name: "judge", Description: "A judge.", Config: Block{
		Attributes: []Attribute{{Name: "words", Type: cty.List(cty.String), Description: "Words."}},
		Blocks:     []NestedBlock{{Name: "part", Nesting: NestingList, Block: Block{Description: "A part."}}},
	}}
}

func (j judge) Validate(_ context.Context, req ValidateRequest) Diagnostics {
	j.validate(req.Config)
	return nil
}

func (j judge) Evaluate(_ context.Context, req EvaluateRequest) (Evaluation, error) {
	j.validate(req.Config)
	return Evaluation{Verdict: VerdictPass}, nil
}

func serverOf(t *testing.T, words io.Writer, validate func(Config)) policyService {
	t.Helper()
	s, err := newServer(Plugin{Name: "toys", Version: "1.0.0", Policies: []Policy{judge{validate}}}, "", words, nil)
	if err != nil {
		t.Fatal(err)
	}
	return policyService{server: s}
}

func validateJudge(t *testing.T, p policyService) error {
	t.Helper()
	_, err := p.Validate(t.Context(), &pluginv1.PolicyServiceValidateRequest{Validate: &pluginv1.ValidateRequest{Component: "judge"}})
	return err
}

func evaluateJudge(t *testing.T, p policyService) error {
	t.Helper()
	_, err := p.Evaluate(t.Context(), &pluginv1.EvaluateRequest{Component: "judge", Attempt: &pluginv1.Attempt{Id: "1"}})
	return err
}

func TestPanicIsAnAnswerAndItsStackAreLastWords(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(*testing.T, policyService) error{"validate": validateJudge, "evaluate": evaluateJudge} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var words bytes.Buffer
			err := call(t, serverOf(t, &words, func(Config) { panic("out of cheese") }))
			if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "the component panicked: out of cheese") {
				t.Errorf("got %v", err)
			}
			if strings.Contains(err.Error(), "goroutine") {
				t.Errorf("the answer holds the stack: %v", err)
			}
			if !strings.Contains(words.String(), "server_test.go") {
				t.Errorf("the last words do not hold the stack: %q", words.String())
			}
		})
	}
}

func TestConfigurationThatIsLeftOutHasNothingSet(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(*testing.T, policyService) error{"validate": validateJudge, "evaluate": evaluateJudge} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := false
			err := call(t, serverOf(t, io.Discard, func(c Config) {
				asked = true
				if c.Set("words") || len(c.Strings("words")) > 0 || len(c.Blocks("part")) > 0 {
					t.Errorf("got %#v", c.Value())
				}
			}))
			if err != nil || !asked {
				t.Errorf("asked: %v, got %v", asked, err)
			}
		})
	}
}
