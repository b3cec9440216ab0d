package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Scope says whose results may be taken over. Results of one scope are never
// seen in another: somebody who can push to a branch decides what its commands
// do, undeclared files included, and must not be able to leave a result for a
// branch that others trust.
type Scope struct {
	// Repository is the address of the repository; empty means that the
	// pipeline's folder stands for it.
	Repository string
	// Pipeline is its name.
	Pipeline string
	// Ref is the ref that was pushed; empty for what people run by hand.
	Ref string
}

func (s Scope) text(root string) string {
	if s.Repository == "" {
		s.Repository = "folder " + root
	}
	data, _ := json.Marshal(s) // strings alone: never fails
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
