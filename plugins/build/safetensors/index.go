package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// maxShardIndex bounds an index of shards.
const maxShardIndex = 64 << 20

// CheckIndex reads a shard index (<stem>.safetensors.index.json) and compares
// it with the shards both ways: every name is in the shard that the index gives,
// the shards have no name besides, and no file named <stem>-… is left out.
// Shards are summaries by the file name that the index uses.
func CheckIndex(r io.Reader, stem string, shards map[string]Summary) error {
	raw, err := io.ReadAll(io.LimitReader(r, maxShardIndex+1))
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	if len(raw) > maxShardIndex {
		return fmt.Errorf("it has more than %d bytes", maxShardIndex)
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return fmt.Errorf("it is not JSON of an index: %w", err)
	}
	if len(index.WeightMap) == 0 {
		return errors.New("it has no weight_map")
	}
	named := make(map[string]int)
	for _, name := range slices.Sorted(maps.Keys(index.WeightMap)) {
		file := index.WeightMap[name]
		shard, ok := shards[file]
		if !ok {
			return fmt.Errorf("it places tensor %.100q in %.100q, which is not in the package", name, file)
		}
		if !shard.Names.Has(name) {
			return fmt.Errorf("it places tensor %.100q in %q, which does not have it", name, file)
		}
		named[file]++
	}
	for _, file := range slices.Sorted(maps.Keys(shards)) {
		if named[file] == 0 && !strings.HasPrefix(file, stem+"-") {
			continue // of another set
		}
		if more := shards[file].Tensors - named[file]; more > 0 {
			return fmt.Errorf("%q has %d tensors that it does not mention", file, more)
		}
	}
	return nil
}
