package keyless

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/sdk"
)

// spare is how long a certificate has to be valid to be used again: the log enters
// a signature a moment after it was made.
const spare = time.Minute

// Options say where to sign, and as whom.
type Options struct {
	Fulcio, Rekor string // addresses
	Authorities   string // PEM of the only ones to trust for TLS; empty means the system's
	Token         string
	Root          *Root
	// Identity is whom the certificate has to be for, where it is not empty.
	Identity Identity
	// Patience is how long a service may take for one answer; 0 means 30 seconds.
	Patience time.Duration
}

// Signer implements bundle.Signer. It is for one caller at a time.
type Signer struct {
	opts          Options
	fulcio, rekor endpoint

	key  bundle.Key
	cert *x509.Certificate
	who  Identity
}

// Open gets a first certificate, so that a token that is not good for one costs
// no packing.
func Open(ctx context.Context, opts Options) (*Signer, error) {
	if opts.Patience == 0 {
		opts.Patience = patience
	}
	if err := usable(opts.Token, time.Now()); err != nil {
		return nil, &sdk.Failure{
			Summary: "the identity token cannot be used", Class: "token_unusable", Cause: err,
			Detail: "Have a new one made for this run. Nothing was published.",
		}
	}
	transport, err := newTransport(opts.Authorities)
	if err != nil {
		return nil, &sdk.Failure{Summary: "the authorities cannot be used", Class: "bad_configuration", Cause: err}
	}
	s := &Signer{
		opts:   opts,
		fulcio: newEndpoint("Fulcio", "fulcio", opts.Fulcio, transport, opts.Patience),
		rekor:  newEndpoint("Rekor", "rekor", opts.Rekor, transport, opts.Patience),
	}
	return s, s.certify(ctx)
}

// Identity is who signs.
func (s *Signer) Identity() Identity { return s.who }

// certify makes a key and gets a certificate for it. Nothing is signed, and so
// nothing entered in a log that forgets nothing, for anybody but the one wanted.
func (s *Signer) certify(ctx context.Context) error {
	key, err := bundle.NewKey()
	if err != nil {
		return err
	}
	cert, err := certify(ctx, s.fulcio, key, s.opts.Token)
	if err != nil {
		return err
	}
	if err := s.opts.Root.issued(cert, time.Now()); err != nil {
		return s.fulcio.lied(err)
	}
	who, err := identityOf(cert)
	if err != nil {
		return s.fulcio.lied(err)
	}
	if err := s.expect(who); err != nil {
		return err
	}
	s.key, s.cert, s.who = key, cert, who
	return nil
}

// expect compares whom a certificate is for with the one wanted, and with the one
// before.
func (s *Signer) expect(who Identity) error {
	want := s.opts.Identity
	if (want.Name == "" || want.Name == who.Name) && (want.Issuer == "" || want.Issuer == who.Issuer) && (s.cert == nil || s.who == who) {
		return nil
	}
	if s.cert != nil {
		want = s.who
	}
	return &sdk.Failure{
		Summary: "the certificate is for somebody else", Class: "identity_refused", Cause: fmt.Errorf("it is for %s", who),
		Detail: fmt.Sprintf("Wanted is %q of %q. The identity token is of another account or workflow, or Fulcio makes another name of it. Nothing was published.", want.Name, want.Issuer),
	}
}

// Sign implements bundle.Signer. A certificate names the signer, and so nothing
// names the key. The bundle is verified as everybody will verify it.
func (s *Signer) Sign(ctx context.Context, statement []byte, _ bundle.Naming) (bundle.Bundle, error) {
	if time.Until(s.cert.NotAfter) < spare {
		if err := s.certify(ctx); err != nil {
			return bundle.Bundle{}, err
		}
	}
	envelope, err := s.key.Envelope(statement)
	if err != nil {
		return bundle.Bundle{}, err
	}
	entry, err := enter(ctx, s.rekor, envelope, s.cert.Raw)
	if err != nil {
		return bundle.Bundle{}, err
	}
	b, err := bundle.Certify(envelope, s.cert.Raw, entry)
	if err != nil {
		return bundle.Bundle{}, err
	}
	if _, err := s.opts.Root.Verify(b, s.who); err != nil {
		return bundle.Bundle{}, s.rekor.lied(err)
	}
	return b, nil
}
