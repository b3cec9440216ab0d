// Command clidoc writes the reference of the command line into the file that
// it is given.
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/stagegate/stagegate/core/app"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: clidoc FILE")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error: write the reference:", err)
		os.Exit(1)
	}
}

func write(path string) error {
	var text bytes.Buffer
	if err := app.Reference(&text); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o644) //nolint:gosec // documentation is for everybody
}
