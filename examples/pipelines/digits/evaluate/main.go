// Command evaluate starts the server as it will be deployed, asks it about
// every held-out row, and prints what it measured as JSON.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"digits.example/dataset"
)

func main() {
	data := flag.String("data", "data/digits.csv.gz", "the data set")
	server := flag.String("server", "out/server", "the server")
	model := flag.String("model", "out/model.safetensors", "the model")
	digest := flag.String("digest", "", "digest of the model")
	samples := flag.String("samples", "", "file to write to what became of each row")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *data, *server, *model, *digest, *samples); err != nil {
		fmt.Fprintln(os.Stderr, "evaluate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, data, server, model, digest, samples string) error {
	rows, err := dataset.Load(data)
	if err != nil {
		return err
	}
	_, heldOut := dataset.Split(rows)
	scores, err := withServer(ctx, []string{server, "--listen", "127.0.0.1:0", "--model", model, "--digest", digest},
		func(address string) (*tally, error) { return ask(ctx, "http://"+address, digest, heldOut) })
	if err != nil {
		return err
	}
	if samples != "" {
		if err := scores.write(samples); err != nil {
			return err
		}
	}
	return scores.print(out)
}

// withServer runs the server for as long as use takes.
func withServer(ctx context.Context, args []string, use func(address string) (*tally, error)) (*tally, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	line, err := bufio.NewReader(io.LimitReader(stdout, 1024)).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		stop()
		return nil, errors.Join(errors.New("the server did not start"), cmd.Wait())
	}
	scores, err := use(address)
	stop()
	if waitErr := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
		err = errors.Join(err, fmt.Errorf("the server did not stop well: %w", waitErr))
	}
	return scores, err
}
