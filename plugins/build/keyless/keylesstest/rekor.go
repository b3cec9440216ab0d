package keylesstest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-openapi/runtime"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/types"
	_ "github.com/sigstore/rekor/pkg/types/dsse/v0.0.1" // the kind of entry that is taken
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore/pkg/signature"
	"golang.org/x/mod/sumdb/tlog"
)

// treeID is the number of the log's tree, which checkpoints name.
const treeID = 4711

// rekor is a log of version 1. What is entered is read, checked and written by
// Rekor's own code.
type rekor struct {
	key    *ecdsa.PrivateKey
	signer signature.Signer // with that key
	id     string
	faults Faults

	mu     sync.Mutex
	size   int64
	hashes []tlog.Hash // of the tree, as tlog stores them
}

func newRekor(t testing.TB, faults Faults) *rekor {
	t.Helper()
	r := &rekor{key: newKey(t), faults: faults}
	r.id = hex.EncodeToString(logID(t, r.key))
	var err error
	if r.signer, err = signature.LoadECDSASigner(r.key, crypto.SHA256); err != nil {
		t.Fatal(err)
	}
	// An entry before ours, so that there is a path to prove.
	if _, err := r.enter(t.Context(), []byte("the first entry")); err != nil {
		t.Fatal(err)
	}
	return r
}

// ServeHTTP implements http.Handler.
func (r *rekor) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost || req.URL.Path != "/api/v1/log/entries" {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	body, err := canonical(req.Context(), io.LimitReader(req.Body, maxRequest))
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if r.faults.Body != nil {
		body = r.faults.Body(body)
	}
	entry, err := r.enter(req.Context(), body)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	sum := sha256.Sum256(body)
	answer(w, http.StatusCreated, map[string]any{hex.EncodeToString(sum[:]): entry})
}

// canonical verifies what is to be entered, and writes it as the log keeps it.
func canonical(ctx context.Context, body io.Reader) ([]byte, error) {
	proposed, err := models.UnmarshalProposedEntry(body, runtime.JSONConsumer())
	if err != nil {
		return nil, err
	}
	entry, err := types.UnmarshalEntry(proposed)
	if err != nil {
		return nil, err
	}
	return types.CanonicalizeEntry(ctx, entry)
}

// enter appends to the tree, and proves that.
func (r *rekor) enter(ctx context.Context, body []byte) (map[string]any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			out[i] = r.hashes[index]
		}
		return out, nil
	})
	hashes, err := tlog.StoredHashes(r.size, body, reader)
	if err != nil {
		return nil, err
	}
	r.hashes = append(r.hashes, hashes...)
	index := r.size
	r.size++
	root, err := tlog.TreeHash(r.size, reader)
	if err != nil {
		return nil, err
	}
	path, err := tlog.ProveRecord(r.size, index, reader)
	if err != nil {
		return nil, err
	}
	proof := make([]string, len(path))
	for i, h := range path {
		proof[i] = hex.EncodeToString(h[:])
	}
	checkpoint, err := util.CreateAndSignCheckpoint(ctx, "rekor.example.com", treeID, uint64(r.size), root[:], r.signer) //nolint:gosec // G115: a size is positive
	if err != nil {
		return nil, err
	}
	entry := map[string]any{"body": base64.StdEncoding.EncodeToString(body), "integratedTime": r.now().Unix(), "logID": r.id, "logIndex": index}
	promise, err := r.promise(entry)
	if err != nil {
		return nil, err
	}
	entry["verification"] = map[string]any{
		"signedEntryTimestamp": promise,
		"inclusionProof": map[string]any{
			"checkpoint": string(checkpoint), "hashes": proof, "logIndex": index, "rootHash": hex.EncodeToString(root[:]), "treeSize": r.size,
		},
	}
	return entry, nil
}

func (r *rekor) now() time.Time {
	if r.faults.Time != nil {
		return r.faults.Time()
	}
	return time.Now()
}

// promise signs an entry in canonical JSON.
func (r *rekor) promise(entry map[string]any) ([]byte, error) {
	text := fmt.Sprintf(`{"body":%q,"integratedTime":%d,"logID":%q,"logIndex":%d}`, entry["body"], entry["integratedTime"], entry["logID"], entry["logIndex"])
	sum := sha256.Sum256([]byte(text))
	signed, err := ecdsa.SignASN1(rand.Reader, r.key, sum[:])
	if err == nil && r.faults.Promise != nil {
		signed = r.faults.Promise(signed)
	}
	return signed, err
}
