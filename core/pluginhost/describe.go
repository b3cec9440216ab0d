package pluginhost

import (
	"context"
	"fmt"
	"regexp"

	"github.com/stagegate/stagegate/core/engine"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/proto"
)

// Describe says what a plugin offers, and the digest of its binary. A binary
// that was described before is not started: the answer is the same for the
// same digest.
func (h *Host) Describe(ctx context.Context, name string) (*pluginv1.DescribeResponse, string, error) {
	s, err := h.slot(name)
	if err != nil {
		return nil, "", err
	}
	b, err := s.open()
	if err != nil {
		return nil, "", err
	}
	if d, ok := h.cache.load(name, b.digest); ok {
		return d, b.digest, nil
	}
	p, err := s.acquire(ctx)
	if err != nil {
		return nil, b.digest, err
	}
	defer p.leave()
	return p.described, b.digest, nil
}

// describe makes the first call and keeps the answer.
func (p *instance) describe(ctx context.Context, req *pluginv1.DescribeRequest) error {
	d, err := pluginv1.NewPluginServiceClient(p.conn).Describe(ctx, req)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return p.classify(err)
	}
	if err := checkDescription(p.name, d); err != nil {
		return p.fault(ClassProtocol, err)
	}
	p.described = d
	return nil
}

// checkDescription refuses what core could not work with.
func checkDescription(name string, d *pluginv1.DescribeResponse) error {
	if d.GetName() != name {
		return fmt.Errorf("it calls itself %q, but its file is named %s%s", quote(d.GetName()), prefix, name)
	}
	if size := proto.Size(d); size > maxDescription {
		return fmt.Errorf("its description has %d bytes, the limit is %d", size, maxDescription)
	}
	if n := len(d.GetComponents()); n > maxComponents {
		return fmt.Errorf("it has %d components, the limit is %d", n, maxComponents)
	}
	valid := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	seen := make(map[string]bool)
	for _, c := range d.GetComponents() {
		switch {
		case !valid.MatchString(c.GetName()):
			return fmt.Errorf("its component %q has a name that does not match %s", quote(c.GetName()), valid)
		case seen[c.GetName()]:
			return fmt.Errorf("it has two components named %q", c.GetName())
		case pluginv1.Kind_name[int32(c.GetKind())] == "" || c.GetKind() == pluginv1.Kind_KIND_UNSPECIFIED:
			return fmt.Errorf("its component %q is of a kind that this runner does not know", c.GetName())
		}
		seen[c.GetName()] = true
	}
	return nil
}

var _ engine.Plugins = (*Host)(nil)
