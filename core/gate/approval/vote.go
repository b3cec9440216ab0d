package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"github.com/stagegate/stagegate/sdk/strictjson"
	"golang.org/x/crypto/ssh"
)

// MaxVote bounds a vote as it is stored, in bytes.
const MaxVote = 64 << 10

const voteSchema = 1

// vote is a statement and its signature. The statement is kept as the very text
// that was signed, so that ssh-keygen -Y verify can check it too.
type vote struct {
	Schema    int    `json:"schema"`
	Statement string `json:"statement"`
	Signature string `json:"signature"`
}

// Sign makes the vote of a person.
func Sign(s Statement, key ssh.Signer) ([]byte, error) {
	text, err := s.encode()
	if err != nil {
		return nil, fmt.Errorf("sign approval: %w", err)
	}
	signature, err := sshsig.Sign(bytes.NewReader(text), key, sshsig.HashSHA512, Namespace)
	if err != nil {
		return nil, fmt.Errorf("sign approval: %w", err)
	}
	data, err := json.Marshal(vote{Schema: voteSchema, Statement: string(text), Signature: string(sshsig.Armor(signature))})
	if err != nil {
		return nil, fmt.Errorf("sign approval: %w", err)
	}
	return data, nil
}

// Digest names a vote.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// open reads a vote without believing it.
func open(data []byte) (v vote, s Statement, signature *sshsig.Signature, err error) {
	if len(data) > MaxVote {
		return v, s, nil, fmt.Errorf("it has %d bytes, more than %d", len(data), MaxVote)
	}
	if err := strictjson.Unmarshal(data, &v); err != nil {
		return v, s, nil, fmt.Errorf("it cannot be read: %w", err)
	}
	if v.Schema != voteSchema {
		return v, s, nil, fmt.Errorf("it is of version %d, not %d", v.Schema, voteSchema)
	}
	if s, err = parseStatement([]byte(v.Statement)); err != nil {
		return v, s, nil, fmt.Errorf("its statement cannot be read: %w", err)
	}
	if signature, err = sshsig.Unarmor([]byte(v.Signature)); err != nil {
		return v, s, nil, fmt.Errorf("its signature cannot be read: %w", err)
	}
	return v, s, signature, nil
}

// touched is the bit with which a security key says that somebody was there.
const touched = 1

// verify checks that a key has signed the statement, as an approval.
func (v vote) verify(signature *sshsig.Signature, key ssh.PublicKey) error {
	if strings.HasPrefix(key.Type(), "sk-") && (len(signature.Signature.Rest) == 0 || signature.Signature.Rest[0]&touched == 0) {
		return errors.New("nobody touched the security key")
	}
	return sshsig.Verify(strings.NewReader(v.Statement), signature, key, signature.HashAlgorithm, Namespace)
}
