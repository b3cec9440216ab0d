package gate

import (
	"fmt"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/sdk/decision"
)

var _ engine.Attester = (*Gate)(nil)

// Attest signs a statement with the key of decisions. No such envelope allows
// anything.
func (g *Gate) Attest(statement []byte) ([]byte, error) {
	key, err := g.keys.get()
	if err != nil {
		return nil, err
	}
	envelope, err := decision.SealStatement(key, statement)
	if err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	return envelope, nil
}
