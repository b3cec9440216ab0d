package keyless

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	sigstore "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/stagegate/stagegate/plugins/build/bundle"
)

// maxRoot bounds a trusted root.
const maxRoot = 4 << 20

// Identity is whom a certificate is for, and who says so.
type Identity struct {
	Name   string // an address, or the URI of a workflow
	Issuer string // of the identity token
}

// String is for people.
func (i Identity) String() string { return i.Name + ", of " + i.Issuer }

// Root is whom to believe: the authorities that certify keys, and the logs.
type Root struct {
	material *root.TrustedRoot
	verifier *verify.Verifier
}

// ParseRoot reads a trusted root in the form of sigstore. When it names logs of
// certificates, a certificate has to be in one.
func ParseRoot(text string) (*Root, error) {
	if len(text) > maxRoot {
		return nil, fmt.Errorf("it has more than %d bytes", maxRoot)
	}
	material, err := root.NewTrustedRootFromJSON([]byte(text))
	switch {
	case err != nil:
		return nil, fmt.Errorf("it is not a trusted root of sigstore: %w", err)
	case len(material.FulcioCertificateAuthorities()) == 0:
		return nil, errors.New("it names no authority that certifies keys")
	case len(material.RekorLogs()) == 0:
		return nil, errors.New("it names no transparency log")
	}
	options := []verify.VerifierOption{
		verify.WithTransparencyLog(1), verify.WithIntegratedTimestamps(1), verify.WithoutStatementPredicate(),
	}
	if len(material.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(material, options...)
	if err != nil {
		return nil, fmt.Errorf("use trusted root: %w", err)
	}
	return &Root{material: material, verifier: verifier}, nil
}

// Errors of Verify.
var (
	ErrKey      = errors.New("signed with a key, without a certificate")
	ErrIdentity = errors.New("signed by somebody else")
	errEntry    = errors.New("it is not in a log of the trusted root")
)

// Verify returns the statement of a bundle when its certificate is of an authority
// of the root and for that identity, when a log of the root has entered the
// signature while the certificate was valid, and when the signature is right.
func (r *Root) Verify(b bundle.Bundle, by Identity) ([]byte, error) {
	if !b.Certified {
		return nil, ErrKey
	}
	var entity sigstore.Bundle
	if err := entity.UnmarshalJSON(b.Raw); err != nil {
		return nil, fmt.Errorf("%w: %w", bundle.ErrMalformed, err)
	}
	who, err := identityIn(&entity)
	if err != nil {
		return nil, err
	}
	if who != by {
		return nil, fmt.Errorf("%w: %s", ErrIdentity, who)
	}
	wanted, err := verify.NewShortCertificateIdentity(by.Issuer, "", by.Name, "")
	if err != nil {
		return nil, fmt.Errorf("use identity: %w", err)
	}
	// What the statement is about is compared by whoever knows what it should be.
	policy := verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithCertificateIdentity(wanted))
	if _, err := r.verifier.Verify(&entity, policy); err != nil {
		return nil, r.explain(&entity, err)
	}
	payload := entity.GetDsseEnvelope().GetPayload()
	if !bytes.Equal(payload, b.Unverified()) {
		return nil, fmt.Errorf("%w: it can be read in two ways", bundle.ErrMalformed)
	}
	return payload, nil
}

// identityIn is whom a certificate is for, whoever has signed it.
func identityIn(entity *sigstore.Bundle) (Identity, error) {
	content, err := entity.VerificationContent()
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", bundle.ErrMalformed, err)
	}
	leaf := content.Certificate()
	if leaf == nil {
		return Identity{}, ErrKey
	}
	return identityOf(leaf)
}

func identityOf(leaf *x509.Certificate) (Identity, error) {
	summary, err := certificate.SummarizeCertificate(leaf)
	if err != nil {
		return Identity{}, fmt.Errorf("read certificate: %w", err)
	}
	who := Identity{Name: summary.SubjectAlternativeName, Issuer: summary.Issuer}
	if who.Issuer == "" || strings.ContainsFunc(who.Issuer, unicode.IsSpace) || strings.ContainsFunc(who.String(), unicode.IsControl) {
		return Identity{}, errors.New("read certificate: it names no issuer, or what cannot be written down")
	}
	return who, nil
}

// issued reports why a certificate is not one of an authority of the root.
func (r *Root) issued(certificate *x509.Certificate, now time.Time) error {
	// Whom it is for may be said in a form that crypto/x509 does not know, and
	// identityOf does.
	names := asn1.ObjectIdentifier{2, 5, 29, 17}
	leaf := *certificate
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), names.Equal)
	if _, err := verify.VerifyLeafCertificate(now, &leaf, r.material); err != nil {
		return errors.New("the certificate is of no authority of the trusted root, or not valid now")
	}
	return nil
}

// explain tells what the verifier sums up: a promise that does not verify counts
// there as an entry that is not there.
func (r *Root) explain(entity *sigstore.Bundle, err error) error {
	entries, unreadable := entity.TlogEntries()
	if unreadable != nil || len(entries) == 0 {
		return err
	}
	logs := r.material.RekorLogs()
	for _, entry := range entries {
		if logs[hex.EncodeToString([]byte(entry.LogKeyID()))] == nil {
			return errEntry
		}
		if !entry.HasInclusionPromise() {
			return fmt.Errorf("the log has not signed the time of the entry: %w", err)
		}
		if why := tlog.VerifySET(entry, logs); why != nil {
			return fmt.Errorf("the log has not signed that entry: %w", why)
		}
	}
	return err
}
