// Command toolbox is all that the images of tests hold: it does what its
// arguments say, one after the other, with a comma between them. It needs no
// shell and no library.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	for rest := os.Args[1:]; len(rest) > 0; {
		n := 0
		for n < len(rest) && rest[n] != "," {
			n++
		}
		if err := do(rest[0], rest[1:n]); err != nil {
			fmt.Fprintln(os.Stdout, rest[0]+":", err)
		}
		rest = rest[min(n+1, len(rest)):]
	}
}

func do(what string, args []string) error {
	switch what {
	case "out":
		fmt.Fprintln(os.Stdout, strings.Join(args, " "))
	case "err":
		fmt.Fprintln(os.Stderr, strings.Join(args, " "))
	case "env":
		fmt.Fprintln(os.Stdout, os.Getenv(args[0]))
	case "write":
		return os.WriteFile(args[0], []byte(args[1]), 0o600)
	case "mkdir":
		return os.MkdirAll(args[0], 0o750)
	case "link":
		return os.Symlink(args[0], args[1])
	case "hardlink":
		return os.Link(args[0], args[1])
	case "fifo":
		return syscall.Mkfifo(args[0], 0o644)
	case "grow": // without taking room
		size, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			return err
		}
		return os.Truncate(args[0], size)
	case "cat":
		return cat(args[0])
	case "exit":
		code, err := strconv.Atoi(args[0])
		if err == nil {
			os.Exit(code)
		}
		return err
	default:
		return probe(what, args)
	}
	return nil
}

func cat(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, f)
	return errors.Join(err, f.Close())
}

// probe tries what a container should not be able to do.
func probe(what string, args []string) error {
	switch what {
	case "user":
		fmt.Fprintln(os.Stdout, os.Getuid(), os.Getgid())
	case "where":
		dir, err := os.Getwd()
		fmt.Fprintln(os.Stdout, dir)
		return err
	case "status": // a line of /proc/self/status
		data, err := os.ReadFile("/proc/self/status")
		for line := range strings.SplitSeq(string(data), "\n") {
			if strings.HasPrefix(line, args[0]+":") {
				fmt.Fprintln(os.Stdout, line)
			}
		}
		return err
	case "interfaces":
		found, err := net.Interfaces()
		for _, i := range found {
			fmt.Fprintln(os.Stdout, i.Name)
		}
		return err
	case "eat": // memory, in MiB
		n, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		all := make([][]byte, n)
		for i := range all {
			all[i] = []byte(strings.Repeat("x", 1<<20))
		}
		fmt.Fprintln(os.Stdout, "ate", len(all))
	case "fork": // processes, which wait
		return fork(args[0])
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
	case "wait":
		<-time.After(time.Hour)
	default:
		return fmt.Errorf("%q is not known", what)
	}
	return nil
}

func fork(count string) error {
	n, err := strconv.Atoi(count)
	for i := 0; err == nil && i < n; i++ {
		_, err = os.StartProcess("/toolbox", []string{"toolbox", "wait"}, &os.ProcAttr{})
	}
	return err
}
