package fetch

import (
	"path"

	"github.com/stagegate/stagegate/plugins/build/inventory"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/plugins/build/refusal"
	"github.com/stagegate/stagegate/plugins/build/trust"
)

// accept compares what a package says that it holds with the model signature that
// vouches for it, before a byte of a file is fetched. Where only the content can
// tell, it returns what is still to be compared.
func (f *fetcher) accept(pkg inventory.Package, vouched *trust.Vouched) (pending *trust.Vouched, err error) {
	if !vouched.NamesFiles() {
		return nil, nil //nolint:nilnil // documented: nothing is left to compare
	}
	archives := false
	files := make([]oms.Resource, len(pkg.Layers))
	for i := range pkg.Layers {
		l := &pkg.Layers[i]
		if !vouched.Manifest {
			l.Mode = 0o644 // nobody vouches for more
		}
		archives = archives || l.Archive() != ""
		files[i] = oms.File(path.Clean(l.Name), l.Digest())
	}
	if archives {
		if !vouched.Manifest {
			return nil, refusal.New("signature_refused", "what the model signature is about is in archives",
				"It can only be compared once they are unpacked, and nothing is unpacked for which nobody vouches. "+
					"Have the manifest signed as well, and write signatures = [\"cosign\", \"oms\"].", nil)
		}
		return vouched, nil
	}
	decided, err := vouched.Digests(files)
	if err != nil || decided {
		return nil, err
	}
	return vouched, nil
}
