// Command spam is all that the team's pipeline runs: it trains a filter for
// messages, measures it, rehearses with it, and serves it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "spam:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: spam seal|train|evaluate|rehearse|serve")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	data := flags.String("data", "data/messages.sealed", "the sealed messages")
	model := flags.String("model", "out/model.safetensors", "the model")
	digest := flags.String("digest", "", "digest that the model must have")
	rounds := flags.Int("rounds", 1, "how often to rehearse")
	listen := flags.String("listen", ":8080", "address to listen on")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "seal":
		return seal(os.Stdin, os.Stdout)
	case "train":
		return train(*data, *model)
	case "evaluate":
		return evaluate(*data, *model)
	case "rehearse":
		return rehearse(ctx, *model, *rounds)
	case "serve":
		return serve(ctx, *listen, *model, *digest)
	default:
		return fmt.Errorf("there is no command %q", args[0])
	}
}

// seal prints what it reads, a message a line, sealed with DATA_KEY.
func seal(in io.Reader, out io.Writer) error {
	plain, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	sealed, err := Seal(plain, os.Getenv("DATA_KEY"))
	if err != nil {
		return err
	}
	_, err = out.Write(sealed)
	return err
}

func train(data, model string) error {
	messages, err := load(data, os.Getenv("DATA_KEY"))
	if err != nil {
		return err
	}
	known, _ := split(messages)
	var f Filter
	for range 20 {
		for _, m := range known {
			f.Learn(m)
		}
	}
	if err := os.MkdirAll(filepath.Dir(model), 0o755); err != nil {
		return err
	}
	fmt.Printf("learned from %d messages\n", len(known))
	return os.WriteFile(model, f.Encode(), 0o644)
}

// evaluate measures the filter on messages that training never saw, and prints
// what a test.eval stage reads.
func evaluate(data, model string) error {
	messages, err := load(data, os.Getenv("DATA_KEY"))
	if err != nil {
		return err
	}
	f, err := read(model, "")
	if err != nil {
		return err
	}
	_, unseen := split(messages)
	right := 0
	for _, m := range unseen {
		if f.Spam(m.Text) == m.Spam {
			right++
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"metrics": []any{
		map[string]any{"name": "accuracy", "value": float64(right) / float64(len(unseen)), "samples": len(unseen)},
	}})
}

// rehearse is load on the team's only spare machine: a second a round.
func rehearse(ctx context.Context, model string, rounds int) error {
	f, err := read(model, "")
	if err != nil {
		return err
	}
	for round := range rounds {
		began, asked := time.Now(), 0
		for time.Since(began) < time.Second {
			f.Spam("are we still on for lunch, or did you win a free prize")
			asked++
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		fmt.Printf("round %d: %d messages a second\n", round+1, asked)
	}
	return nil
}
