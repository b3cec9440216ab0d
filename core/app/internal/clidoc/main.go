// Command clidoc writes the references of the command line and of its JSON into
// the files that it is given.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/stagegate/stagegate/core/app"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: clidoc CLI.md JSON.md")
		os.Exit(2)
	}
	for i, reference := range []func(io.Writer) error{app.Reference, app.JSONReference} {
		if err := write(os.Args[1+i], reference); err != nil {
			fmt.Fprintln(os.Stderr, "error: write the reference:", err)
			os.Exit(1)
		}
	}
}

func write(path string, reference func(io.Writer) error) error {
	var text bytes.Buffer
	if err := reference(&text); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o644) //nolint:gosec // documentation is for everybody
}
