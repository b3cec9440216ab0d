package modelpack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/encryption"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// maxRecipientsFile bounds a file of recipients, in bytes.
const maxRecipientsFile = 64 << 10

func encryptBlock() sdk.NestedBlock {
	return sdk.NestedBlock{Name: "encrypt", Nesting: sdk.NestingSingle, Block: sdk.Block{
		Description: "Encrypts the weights where they are stored, in the format of age. Each recipient can open them; the runner cannot. " +
			"Keys are new each time, so that the same weights have another digest. What is not weights stays readable.",
		Attributes: []sdk.Attribute{
			{Name: "recipients", Type: cty.List(cty.String), Description: "Public keys: of age (`age1…`, also hybrid ones and those of its plugins), or of SSH (`ssh-ed25519 …`, `ssh-rsa …`)."},
			{Name: "recipients_file", Type: cty.String, Description: "File in the work folder with more of them, one a line."},
			{Name: "kms_command", Type: cty.List(cty.String), Description: "Program and arguments that wrap a key with a key management system: 16 bytes come on standard input, and what it prints is stored with the weights."},
			{Name: "kms_key", Type: cty.String, Description: "Name of the key that `kms_command` uses, for whoever has to unwrap. Required with it."},
		},
	}}
}

func validateEncrypt(diags *sdk.Diagnostics, req sdk.ValidateRequest) {
	block, ok := req.Config.Block("encrypt")
	if !ok {
		return
	}
	at := func(steps ...sdk.Step) sdk.Path { return append(sdk.At(sdk.Attr("encrypt")), steps...) }
	var all []encryption.Recipient
	for i, text := range block.Strings("recipients") {
		r, err := encryption.ParseRecipient(text)
		if err != nil {
			diags.AddError(at(sdk.Attr("recipients"), sdk.Index(i)), "unusable recipient", err.Error())
			continue
		}
		all = append(all, r)
	}
	if err := encryption.CheckRecipients(all); err != nil {
		diags.AddError(at(sdk.Attr("recipients")), "unusable recipients", err.Error())
	}
	if block.Set("recipients_file") {
		if _, err := workspace.Clean(req.WorkDir, block.String("recipients_file")); err != nil {
			diags.AddError(at(sdk.Attr("recipients_file")), "unusable file", err.Error()+"; name a file within the work folder")
		}
	}
	known := block.Known("recipients") && block.Known("recipients_file") && block.Known("kms_command")
	if known && len(block.Strings("recipients"))+len(block.Strings("kms_command")) == 0 && !block.Set("recipients_file") {
		diags.AddError(at(), "nobody to encrypt for", "Name public keys in recipients or recipients_file, or a kms_command; otherwise nobody could ever read the weights.")
	}
	validateKMS(diags, block, at)
}

func validateKMS(diags *sdk.Diagnostics, block sdk.Config, at func(...sdk.Step) sdk.Path) {
	command, key := block.Strings("kms_command"), block.String("kms_key")
	switch {
	case block.Set("kms_command") && (len(command) == 0 || command[0] == ""):
		diags.AddError(at(sdk.Attr("kms_command")), "no program", "The first element is the program that wraps the key.")
	case block.Set("kms_command") && block.Known("kms_key") && !block.Set("kms_key"):
		diags.AddError(at(sdk.Attr("kms_command")), "the key has no name", "Say with kms_key which key the command uses: whoever opens the weights has to know.")
	case block.Set("kms_key") && block.Known("kms_command") && !block.Set("kms_command"):
		diags.AddError(at(sdk.Attr("kms_key")), "a key without a command", "Say with kms_command how a key is wrapped with it.")
	case block.Set("kms_key"):
		if err := encryption.CheckKeyName(key); err != nil {
			diags.AddError(at(sdk.Attr("kms_key")), "unusable name of a key", err.Error())
		}
	}
}

// sealer encrypts weights; nil leaves them as they are.
type sealer struct {
	to  []encryption.Recipient
	kms encryption.Command
}

// openSealer reads the block; without one there is no sealer.
func openSealer(tree *workspace.Tree, req sdk.Request) (*sealer, error) {
	block, ok := req.Config.Block("encrypt")
	if !ok {
		return nil, nil //nolint:nilnil // a nil sealer encrypts nothing
	}
	s := &sealer{}
	for _, text := range block.Strings("recipients") {
		r, err := encryption.ParseRecipient(text)
		if err != nil {
			return nil, unencryptable(err)
		}
		s.to = append(s.to, r)
	}
	if name := block.String("recipients_file"); name != "" {
		more, err := recipientsIn(tree, name)
		if err != nil {
			return nil, unencryptable(fmt.Errorf("recipients_file %q: %w", name, err))
		}
		s.to = append(s.to, more...)
	}
	if err := encryption.CheckRecipients(s.to); err != nil {
		return nil, unencryptable(err)
	}
	if command := block.Strings("kms_command"); len(command) > 0 {
		s.kms = encryption.Command{Args: command, Key: block.String("kms_key"), Dir: tree.Path(), AttemptID: req.Attempt.ID}
	}
	return s, nil
}

func unencryptable(err error) error {
	return refuse("encryption_failed", "the weights cannot be encrypted", "Nothing was stored, because it would have been stored in clear.", err)
}

func recipientsIn(tree *workspace.Tree, name string) ([]encryption.Recipient, error) {
	f, _, err := tree.File(name)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxRecipientsFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(raw) > maxRecipientsFile {
		return nil, fmt.Errorf("it has more than %d bytes", maxRecipientsFile)
	}
	return encryption.ParseRecipients(raw)
}

// source is a file as it is stored, and how to learn what it was before.
func (s *sealer) source(ctx context.Context, f file, k kind, c *content.Content) (oci.Source, *encryption.Envelope, error) {
	src := oci.Source{Name: f.name, Digest: c.Digest, Size: c.Size, Open: c.Stream, OpenAt: c.StreamAt}
	if s == nil || k != kindWeight {
		return src, nil, nil
	}
	envelope, err := encryption.Seal(ctx, s.to, s.kms, c.Size, c.StreamAt)
	if err != nil && ctx.Err() != nil {
		return src, nil, context.Cause(ctx)
	}
	if err != nil {
		return src, nil, unencryptable(err)
	}
	return oci.Source{
		Name: f.name, Size: envelope.Size(), Fresh: true, OpenAt: envelope.OpenAt,
		Open: func(ctx context.Context) (io.ReadCloser, error) { return envelope.OpenAt(ctx, 0) },
	}, envelope, nil
}

// notes say which keys open a layer, and what it is once it is open.
func (s *sealer) notes(k kind, plain digest.Digest) map[string]string {
	notes := map[string]string{
		oci.AnnotationPlainMediaType: k.mediaType(),
		oci.AnnotationPlainDigest:    plain.String(),
	}
	if prints := s.fingerprints(); len(prints) > 0 {
		notes[oci.AnnotationRecipients] = strings.Join(prints, ",")
	}
	if s.kms.Key != "" {
		notes[oci.AnnotationKMSKey] = s.kms.Key
	}
	return notes
}

func (s *sealer) fingerprints() []string {
	prints := make([]string, len(s.to))
	for i, r := range s.to {
		prints[i] = r.Fingerprint
	}
	return prints
}

// keys are the names of all keys that open what is sealed, for policies.
func (s *sealer) keys() []string {
	if s == nil {
		return nil
	}
	keys := s.fingerprints()
	if s.kms.Key != "" {
		keys = append(keys, strings.ReplaceAll(s.kms.Key, " ", "%20"))
	}
	return keys
}

// algorithm is what policies are told about a package: how its weights are
// encrypted, all of them, or that they are not.
func (s *sealer) algorithm(layers []layer) string {
	if s == nil || !slices.ContainsFunc(layers, func(l layer) bool { return l.desc.MediaType == oci.MediaTypeEncrypted }) {
		return "absent"
	}
	return encryption.Algorithm
}
