package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stagegate/stagegate/core/notify"
)

// Options are what a Courier needs.
type Options struct {
	Targets []notify.Target
	Marks   []notify.Mark
	// Secret is the value of an operator's secret.
	Secret func(ctx context.Context, name string) (string, error)
	// Clean takes secrets out of a text.
	Clean func(text string) string
	// Note puts a line into the notes of a commit.
	Note func(ctx context.Context, repository, commit, line string) error
	Now  func() time.Time
	// Limit bounds one attempt; 0 means the default.
	Limit time.Duration
}

// defaultLimit is how long one attempt may take.
const defaultLimit = 10 * time.Second

// Courier sends letters. Its methods may be called from several goroutines.
type Courier struct{ o Options }

// New makes one.
func New(o Options) *Courier {
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	return &Courier{o}
}

// Send tries once. What it returns is a *notify.Fault where more is known than
// that it did not work.
func (c *Courier) Send(ctx context.Context, l *notify.Letter) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.o.Limit, fmt.Errorf("no answer within %s", c.o.Limit))
	defer cancel()
	err := c.send(ctx, l)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	return err
}

func (c *Courier) send(ctx context.Context, l *notify.Letter) error {
	if l.Mark != "" {
		i := slices.IndexFunc(c.o.Marks, func(m notify.Mark) bool { return m.Name == l.Mark })
		if i < 0 {
			return final("the operator's configuration has no mark %q any more", l.Mark)
		}
		return c.mark(ctx, c.o.Marks[i], l)
	}
	i := slices.IndexFunc(c.o.Targets, func(t notify.Target) bool { return t.Name == l.Target })
	if i < 0 {
		return final("the operator's configuration has no target %q any more", l.Target)
	}
	switch t := c.o.Targets[i]; {
	case t.Webhook != nil:
		return c.webhook(ctx, t.Webhook, l)
	case t.Slack != nil:
		return c.slack(ctx, t.Slack, l)
	default:
		return c.email(ctx, t.Email, l)
	}
}

func (c *Courier) mark(ctx context.Context, m notify.Mark, l *notify.Letter) error {
	if m.Notes {
		return c.o.Note(ctx, l.Status.Repository, l.Status.Commit, l.Status.Note)
	}
	return c.status(ctx, m.Forge, l.Status)
}

// final is a fault that trying again would not mend.
func final(format string, args ...any) error {
	return &notify.Fault{Err: fmt.Errorf(format, args...), Final: true}
}

// secret is a secret's value, or empty without a name.
func (c *Courier) secret(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	value, err := c.o.Secret(ctx, name)
	if err == nil && value == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", fmt.Errorf("read secret %q: %w", name, err)
	}
	return value, nil
}
