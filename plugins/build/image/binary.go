package image

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/stagegate/stagegate/plugins/build/content"
)

// platformOf checks that the entrypoint can run in the image and says for
// which platform it is. Wanted is what the user says, or empty.
func platformOf(ctx context.Context, entries []entry, program, wanted string) (string, error) {
	i := slices.IndexFunc(entries, func(e entry) bool { return e.target == program })
	if i < 0 {
		return "", refuse("entrypoint_missing", "the entrypoint is not in the image",
			"There is no base image: add the program with a file block.", fmt.Errorf("no file has the path %s", program))
	}
	e := entries[i]
	if e.mode&0o111 == 0 {
		return "", refuse("entrypoint_not_executable", "the entrypoint may not be executed",
			"Write mode = \"0755\" in its file block.", fmt.Errorf("%s has the mode %04o", program, e.mode))
	}
	c, err := e.open(ctx)
	if err != nil {
		return "", refuse("file_missing", "a file cannot be packed", "", err)
	}
	found, interpreter, err := inspectBinary(c)
	if err := errors.Join(err, c.Close()); err != nil {
		return "", refuse("entrypoint_unusable", "the entrypoint is a damaged program", "", err)
	}
	if interpreter != "" && !slices.ContainsFunc(entries, func(e entry) bool { return e.target == interpreter }) {
		return "", refuse("entrypoint_dynamic", "the entrypoint cannot run in the image",
			"It is linked dynamically and there is no base image. Link it statically (for Go: CGO_ENABLED=0), or use build.docker with a base image.",
			fmt.Errorf("it needs %s", interpreter))
	}
	switch {
	case found == "" && wanted == "":
		return "linux/" + runtime.GOARCH, nil
	case found != "" && wanted != "" && found != wanted:
		return "", refuse("platform_mismatch", "the entrypoint is for another platform", "",
			fmt.Errorf("%s is for %s, and platform = %q", e.from, found, wanted))
	case wanted != "":
		return wanted, nil
	}
	return found, nil
}

// inspectBinary reads the platform of an ELF file and the loader that it needs,
// if any. Other files, for example scripts, give neither.
func inspectBinary(c *content.Content) (platform, interpreter string, err error) {
	magic := make([]byte, len(elf.ELFMAG))
	if n, _ := c.ReadAt(magic, 0); string(magic[:n]) != elf.ELFMAG {
		return "", "", nil
	}
	f, err := elf.NewFile(c)
	if err != nil {
		return "", "", err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		raw, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
		if err != nil {
			return "", "", fmt.Errorf("read the name of its loader: %w", err)
		}
		interpreter = string(trimNUL(raw))
	}
	return architecture(f), interpreter, nil
}

func trimNUL(raw []byte) []byte {
	if i := slices.Index(raw, 0); i >= 0 {
		return raw[:i]
	}
	return raw
}

// architecture is the platform of a binary; empty for machines that no engine
// runs on.
func architecture(f *elf.File) string {
	platforms := map[elf.Machine]string{
		elf.EM_X86_64: "linux/amd64", elf.EM_AARCH64: "linux/arm64", elf.EM_ARM: "linux/arm",
		elf.EM_386: "linux/386", elf.EM_S390: "linux/s390x", elf.EM_RISCV: "linux/riscv64",
	}
	if f.Machine == elf.EM_PPC64 && f.Data == elf.ELFDATA2LSB {
		return "linux/ppc64le"
	}
	return platforms[f.Machine]
}
