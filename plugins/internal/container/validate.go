package container

import (
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/stagegate/stagegate/plugins/internal/engine"
	"github.com/stagegate/stagegate/sdk"
)

// leastMemory is what the engine asks for.
const leastMemory = 6 << 20

var userSyntax = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$`)

// Validate says what is wrong with the arguments of this package, as far as they
// are known.
func Validate(c sdk.Config) sdk.Diagnostics {
	var diags sdk.Diagnostics
	if c.Set("image") {
		if _, _, err := parseImage(c.String("image")); err != nil {
			diags.AddError(sdk.At(sdk.Attr("image")), "unusable image", err.Error()+". "+remedyDigest)
		}
	}
	if c.Set("user") && !userSyntax.MatchString(c.String("user")) {
		diags.AddError(sdk.At(sdk.Attr("user")), "unusable user", fmt.Sprintf("%q is not a user such as \"1000:1000\" or \"nobody\".", c.String("user")))
	}
	if c.Known("artifacts") {
		checkArtifacts(&diags, c)
	}
	_, problems := limits(c)
	return append(diags, problems...)
}

func checkArtifacts(diags *sdk.Diagnostics, c sdk.Config) {
	given := c.Artifacts("artifacts")
	for _, name := range slices.Sorted(maps.Keys(given)) {
		at := sdk.At(sdk.Attr("artifacts"), sdk.Key(name))
		if _, err := artifactPath(name); err != nil {
			diags.AddError(at, "unusable path of an artifact", err.Error()+`; write an absolute path such as "/model/model.safetensors", or one below /work`)
		}
		if a := given[name]; a.Location != "" && a.Location != "blob:"+a.Digest {
			diags.AddError(at, "unusable artifact", fmt.Sprintf("%q is a package (%s) and not a file. A package that a stage has written into the work folder can be an input.", a.Name, a.MediaType))
		}
	}
}

// artifactPath is where an artifact goes in the container.
func artifactPath(name string) (string, error) {
	clean := path.Join(Work, name)
	if path.IsAbs(name) {
		clean = path.Clean(name)
	}
	switch {
	case name == "" || strings.HasSuffix(name, "/") || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }):
		return "", fmt.Errorf("%q is not the path of a file", name)
	case !path.IsAbs(name) && !within(clean, Work):
		return "", fmt.Errorf("%q leads out of %s", name, Work)
	case path.Dir(clean) == "/":
		return "", fmt.Errorf("%q is not in a folder: it would take the place of the container's root", name)
	}
	for _, taken := range []string{"/proc", "/sys", "/dev", temp, Out} {
		if within(clean, taken) {
			return "", fmt.Errorf("%q is in %s, which the container needs for itself", name, taken)
		}
	}
	return clean, nil
}

// within reports whether a path is a folder's or below it.
func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

// limits reads the block of limits.
func limits(c sdk.Config) (engine.Limits, sdk.Diagnostics) {
	out := engine.Limits{Pids: defaultPids, Temp: defaultTemp}
	block, ok := c.Block("limits")
	if !ok {
		return out, nil
	}
	r := limitReader{block: block}
	out.Memory = r.bytes("memory", leastMemory, 0)
	out.Temp = r.bytes("tmp", 4096, defaultTemp)
	out.Shared = r.bytes("shm", 4096, 0)
	out.Pids = r.count("pids", defaultPids)
	out.CPUs = r.processors()
	out.GPUs, out.Devices = r.gpus()
	return out, r.diags
}

type limitReader struct {
	block sdk.Config
	diags sdk.Diagnostics
}

func (r *limitReader) refuse(name, detail string) {
	r.diags.AddError(sdk.At(sdk.Attr("limits"), sdk.Attr(name)), "unusable limit", detail)
}

func (r *limitReader) bytes(name string, least uint64, fallback int64) int64 {
	if !r.block.Set(name) {
		return fallback
	}
	text := r.block.String(name)
	n, err := humanize.ParseBytes(text)
	if err != nil || n > math.MaxInt64 || n < least {
		r.refuse(name, fmt.Sprintf("%q is not a size from %s such as \"8GiB\".", text, humanize.IBytes(least)))
		return fallback
	}
	return int64(n)
}

func (r *limitReader) count(name string, fallback int64) int64 {
	n, ok := r.block.Number(name)
	if !ok {
		return fallback
	}
	if n < 1 || n > 1<<22 || n != math.Trunc(n) {
		r.refuse(name, fmt.Sprintf("%v is not a whole number from 1 to %d.", n, 1<<22))
		return fallback
	}
	return int64(n)
}

func (r *limitReader) processors() float64 {
	n, ok := r.block.Number("cpus")
	if !ok {
		return 0
	}
	if n < 0.01 || n > 1<<16 {
		r.refuse("cpus", fmt.Sprintf("%v is not a number of processors from 0.01.", n))
		return 0
	}
	return n
}

func (r *limitReader) gpus() (int, []string) {
	ids, text := r.block.Strings("gpu_ids"), r.block.String("gpus")
	switch {
	case r.block.Set("gpus") && r.block.Set("gpu_ids"):
		r.refuse("gpu_ids", "gpus and gpu_ids exclude each other: say how many, or which.")
	case r.block.Set("gpu_ids"):
		if len(ids) == 0 || slices.Contains(ids, "") {
			r.refuse("gpu_ids", "Name at least one GPU, by its index or its identity.")
		}
		return 0, ids
	case text == "all":
		return -1, nil
	case r.block.Set("gpus"):
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1024 {
			r.refuse("gpus", fmt.Sprintf("%q is neither a number from 1 nor \"all\".", text))
		}
		return n, nil
	}
	return 0, nil
}
