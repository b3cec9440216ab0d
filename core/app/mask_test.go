package app

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/redact"
)

func TestErrorsOfCommandsShowNoSecret(t *testing.T) {
	t.Parallel()
	cause := errors.New("the server refused correct-horse-battery")
	for name, thrown := range map[string]error{
		"ours":        fmt.Errorf("read facts: %w", cause),
		"usage":       usage(fmt.Errorf("read facts: %w", cause)),
		"interrupted": errors.Join(errInterrupted, cause),
	} {
		masks := redact.New()
		err := func() (err error) {
			defer hide(masks, &err)
			if err := masks.Add("correct-horse-battery"); err != nil {
				return err
			}
			return thrown
		}()
		if text := err.Error(); strings.Contains(text, "horse") || !strings.Contains(text, "the server refused "+redact.Mask) {
			t.Errorf("%s: %s", name, text)
		}
		if !errors.Is(err, cause) || errors.Is(err, errInterrupted) != (name == "interrupted") {
			t.Errorf("%s: the error is not what it was", name)
		}
		if _, ok := errors.AsType[*exitError](err); ok != (name == "usage") {
			t.Errorf("%s: its exit code is lost", name)
		}
	}
	none := func() (err error) {
		defer hide(redact.New(), &err)
		return nil
	}()
	if none != nil {
		t.Errorf("success became %v", none)
	}
}
