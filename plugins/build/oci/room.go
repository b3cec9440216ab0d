package oci

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/stagegate/stagegate/sdk"
)

// CheckRoom refuses early what cannot fit on the disk of a folder: a sparse file
// of a terabyte costs no time then.
func CheckRoom(root *os.Root, need int64) error {
	f, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("look for room: %w", err)
	}
	var stat syscall.Statfs_t
	err = syscall.Fstatfs(int(f.Fd()), &stat)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("look for room: %w", err)
	}
	if free := int64(stat.Bavail) * stat.Bsize; need > free { //nolint:gosec // G115: no disk has 2^63 bytes
		return &sdk.Failure{
			Summary: "the package does not fit on this disk", Class: "no_room", Detail: "Make room, or put it elsewhere.",
			Cause: fmt.Errorf("it has %d bytes, and %d are free", need, free),
		}
	}
	return nil
}
