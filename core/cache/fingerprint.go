package cache

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/runstate"
)

// form is the version of keys: it changes with the way in which they are made.
const form = "stagegate cache 1"

// fingerprint computes the key and everything that it is made of.
func (l *lookup) fingerprint(ctx context.Context, root *os.Root) error {
	q := l.query
	l.add("component", q.Stage.Component.String())
	plugin := q.Stage.Component.Plugin
	digest, ok := l.cache.o.Plugins[plugin]
	if !ok || digest == "" {
		return fmt.Errorf("the digest of plugin %s is not known", plugin)
	}
	l.add(pluginInput+plugin, digest)
	l.add("environment", l.cache.keyed(q.Environment))
	for _, name := range slices.Sorted(maps.Keys(l.cache.o.Environ)) {
		l.add(variableInput+name, l.cache.keyed(l.cache.o.Environ[name]))
	}
	for _, need := range q.Needs {
		l.add(fmt.Sprintf("artifact %s of stage %s", need.Artifact.Name, need.Stage), need.Artifact.Digest)
	}
	if err := l.addConfig(q.Config); err != nil {
		return err
	}
	files, err := l.cache.look(ctx, root, q.Inputs.GetFiles())
	if err != nil {
		return err
	}
	l.files = files
	for _, f := range files {
		l.add(fileInput+f.path, f.digest())
	}
	l.seal()
	return nil
}

// Beginnings of the names of inputs.
const (
	pluginInput   = "plugin "
	variableInput = "variable "
	fileInput     = "file "
)

func (l *lookup) add(name, digest string) {
	l.inputs = append(l.inputs, runstate.ResultInput{Name: name, Digest: digest})
}

// seal sorts the inputs and makes the key of them.
func (l *lookup) seal() {
	slices.SortFunc(l.inputs, func(a, b runstate.ResultInput) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Digest, b.Digest))
	})
	h := sha256.New()
	write(h, form)
	for _, in := range l.inputs {
		write(h, in.Name)
		write(h, in.Digest)
	}
	l.key = "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// write hashes a string so that its end shows.
func write(h hash.Hash, s string) {
	_, _ = fmt.Fprintf(h, "%d:%s\n", len(s), s) // a hash never fails
}

// keyed is a digest of something that must not be guessed from it.
func (c *Cache) keyed(s string) string {
	mac := hmac.New(sha256.New, c.secret)
	_, _ = mac.Write([]byte(s)) // a hash never fails
	return "hmac-sha256:" + hex.EncodeToString(mac.Sum(nil))
}
