package app

import (
	"context"
	"errors"

	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/secret"
	"github.com/zclconf/go-cty/cty"
)

// keeper holds the secrets of one run: expressions and plugins get the same
// values, and a secret's command runs once for both.
type keeper struct {
	masks    *redact.Redactor
	resolver *secret.Resolver
}

// secrets are those of the run whose output the masks hide.
func (s *session) secrets(env func(string) (string, bool), masks *redact.Redactor) *secret.Resolver {
	if s.keeper.masks != masks {
		s.keeper = keeper{masks, secret.NewResolver(secret.Options{
			Sources: s.operator.Secrets, Withheld: s.withheld(), LookupEnv: env, Masks: masks,
		})}
	}
	return s.keeper.resolver
}

// withheld are the secrets that the push does not get, and why.
func (s *session) withheld() map[string]string {
	if s.push == nil {
		return nil
	}
	out := make(map[string]string)
	for name := range s.operator.Secrets {
		if why := s.operator.Withholds(name, *s.push); why != "" {
			out[name] = why
		}
	}
	return out
}

// secrets adapts the resolver to a pipeline's expressions.
type secrets struct {
	ctx      context.Context //nolint:containedctx // the evaluator's interface has none; the load's counts
	resolver *secret.Resolver
}

// Secret is the value of a secret for an expression.
func (s secrets) Secret(name string) (string, error) {
	value, err := s.resolver.Resolve(s.ctx, name)
	if err != nil {
		return "", err
	}
	text := string(value)
	if cty.StringVal(text).AsString() != text {
		return "", errors.New("resolve secret \"" + name + "\": its value is not in Unicode's normal form C, in which expressions keep texts: another value would reach the stage")
	}
	return text, nil
}
