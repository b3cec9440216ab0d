package keyless

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"

	"github.com/stagegate/stagegate/plugins/build/bundle"
)

// enterPath is where version 1 of Rekor's API takes entries.
const enterPath = "/api/v1/log/entries"

// The kind of entry that is for envelopes.
const (
	entryKind    = "dsse"
	entryVersion = "0.0.1"
)

type proposal struct {
	Kind    string `json:"kind"`
	Version string `json:"apiVersion"`
	Spec    struct {
		Content struct {
			Envelope  string   `json:"envelope"`
			Verifiers [][]byte `json:"verifiers"` // PEM
		} `json:"proposedContent"`
	} `json:"spec"`
}

// entered is an entry as Rekor answers it.
type entered struct {
	Body         []byte `json:"body"`
	Time         int64  `json:"integratedTime"`
	LogID        string `json:"logID"`
	Index        int64  `json:"logIndex"`
	Verification struct {
		Proof   *inclusion `json:"inclusionProof"`
		Promise []byte     `json:"signedEntryTimestamp"`
	} `json:"verification"`
}

type inclusion struct {
	Checkpoint string   `json:"checkpoint"`
	Hashes     []string `json:"hashes"`
	Index      int64    `json:"logIndex"`
	Root       string   `json:"rootHash"`
	Size       int64    `json:"treeSize"`
}

// enter has a signature entered in the log, and returns the entry as a bundle
// holds it. Whether the log has signed it is for whoever verifies the bundle.
func enter(ctx context.Context, rekor endpoint, e bundle.Envelope, certificate []byte) (json.RawMessage, error) {
	var p proposal
	envelope, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode envelope: %w", err)
	}
	held := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	p.Kind, p.Version = entryKind, entryVersion
	p.Spec.Content.Envelope, p.Spec.Content.Verifiers = string(envelope), [][]byte{held}
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode entry: %w", err)
	}
	raw, err := rekor.post(ctx, enterPath, body, "")
	if err != nil {
		return nil, err
	}
	answer := make(map[string]entered)
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, rekor.lied(errors.New("it is not JSON of version 1 of Rekor's API"))
	}
	if len(answer) != 1 {
		return nil, rekor.lied(fmt.Errorf("there are %d entries in it, not one", len(answer)))
	}
	for _, entry := range answer {
		if err := entry.about(e, held); err != nil {
			return nil, rekor.lied(err)
		}
		if raw, err = entry.encode(); err != nil {
			return nil, rekor.lied(err)
		}
	}
	return raw, nil
}

// about reports why an entry is not about an envelope.
func (e entered) about(want bundle.Envelope, certificate []byte) error {
	var body struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
		Spec    struct {
			Payload struct {
				Algorithm string `json:"algorithm"`
				Value     string `json:"value"`
			} `json:"payloadHash"`
			Signatures []struct {
				Signature string `json:"signature"`
				Verifier  []byte `json:"verifier"`
			} `json:"signatures"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return errors.New("the entry cannot be read")
	}
	payload, err := base64.StdEncoding.DecodeString(want.Payload)
	if err != nil {
		return fmt.Errorf("read envelope: %w", err)
	}
	sum := sha256.Sum256(payload)
	s := body.Spec
	switch {
	case body.Kind != entryKind || body.Version != entryVersion:
		return fmt.Errorf("the entry is of kind %.40q %.40q", body.Kind, body.Version)
	case s.Payload.Algorithm != "sha256" || s.Payload.Value != hex.EncodeToString(sum[:]):
		return errors.New("the entry is about another statement")
	case len(s.Signatures) != 1 || s.Signatures[0].Signature != want.Signatures[0].Sig:
		return errors.New("the entry is about another signature")
	case string(s.Signatures[0].Verifier) != string(certificate):
		return errors.New("the entry is about another certificate")
	}
	return nil
}

// encode writes an entry as protobuf has it in JSON: numbers of 64 bits as text.
func (e entered) encode() (json.RawMessage, error) {
	logID, err := hex.DecodeString(e.LogID)
	if err != nil {
		return nil, errors.New("the log has no name")
	}
	if e.Verification.Proof == nil || len(e.Verification.Promise) == 0 {
		return nil, errors.New("there is no proof that the entry is in the log")
	}
	root, err := hex.DecodeString(e.Verification.Proof.Root)
	if err != nil {
		return nil, errors.New("the root of the log is no digest")
	}
	hashes := make([][]byte, len(e.Verification.Proof.Hashes))
	for i, h := range e.Verification.Proof.Hashes {
		if hashes[i], err = hex.DecodeString(h); err != nil {
			return nil, errors.New("the proof holds what is no digest")
		}
	}
	type object = map[string]any
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	raw, err := json.Marshal(object{
		"logIndex": number(e.Index), "logId": object{"keyId": logID},
		"kindVersion":      object{"kind": entryKind, "version": entryVersion},
		"integratedTime":   number(e.Time),
		"inclusionPromise": object{"signedEntryTimestamp": e.Verification.Promise},
		"inclusionProof": object{
			"logIndex": number(e.Verification.Proof.Index), "rootHash": root, "treeSize": number(e.Verification.Proof.Size),
			"hashes": hashes, "checkpoint": object{"envelope": e.Verification.Proof.Checkpoint},
		},
		"canonicalizedBody": e.Body,
	})
	if err != nil {
		return nil, fmt.Errorf("encode entry: %w", err)
	}
	return raw, nil
}
