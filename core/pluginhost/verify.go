package pluginhost

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// tick is more than the granularity of file times. A file that was written
// less than a tick ago could be written again without a trace in them.
const tick = 20 * time.Millisecond

// binary is a plugin's file, opened once: what was hashed is what is executed.
type binary struct {
	name   string
	path   string
	digest string // "sha256:<hex>"
	file   *os.File
	stamp  stamp
	script bool
}

// openBinary opens and hashes the file at path, and checks it against the
// digest that the lock file wants, if it wants one.
func openBinary(name, path, want string) (*binary, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, untrusted(name, err)
	}
	b := &binary{name: name, path: path, file: file}
	if err := b.check(want); err != nil {
		_ = file.Close()
		return nil, untrusted(name, fmt.Errorf("verify %s: %w", path, err))
	}
	return b, nil
}

func (b *binary) check(want string) error {
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if info.Mode().Perm()&0o111 == 0 {
		return errors.New("it is not executable")
	}
	if err := checkOwner(info); err != nil {
		return err
	}
	waitPastTick(info)
	if b.stamp, err = stampOf(b.file); err != nil {
		return err
	}
	if err := b.hash(); err != nil {
		return err
	}
	if err := b.unchanged(); err != nil {
		return err
	}
	if want != "" && want != b.digest {
		return fmt.Errorf("its digest is %s, but the lock file wants %s", b.digest, want)
	}
	return nil
}

func (b *binary) hash() error {
	start := make([]byte, 2)
	if _, err := b.file.ReadAt(start, 0); err != nil {
		return fmt.Errorf("it is too short to be a program: %w", err)
	}
	b.script = bytes.Equal(start, []byte("#!"))
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(b.file, 0, 1<<40)); err != nil {
		return err
	}
	b.digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return nil
}

// unchanged compares the file with what it was when it was hashed. Renaming
// another file over its path changes nothing: the file that is open stays.
func (b *binary) unchanged() error {
	now, err := stampOf(b.file)
	if err != nil {
		return err
	}
	if now != b.stamp {
		return errors.New("the file was changed after it had been verified")
	}
	return nil
}

func (b *binary) close() { _ = b.file.Close() }

// waitPastTick waits until the file's last change is old enough for the next
// one to show.
func waitPastTick(info os.FileInfo) {
	if age := time.Since(changed(info)); age >= 0 && age < tick {
		timer := time.NewTimer(tick - age)
		defer timer.Stop()
		<-timer.C
	}
}
