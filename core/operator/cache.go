package operator

import (
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
)

// Cache says what is kept of results for later runs. The zero value keeps them
// within the runner's own limits.
type Cache struct {
	Off     bool          // nothing is kept or taken over
	Results int           // how many are kept; 0 means the default
	Age     time.Duration // how long they are kept unused; 0 means the default
}

type fileCache struct {
	Enabled *bool     `hcl:"enabled"`
	Results *int      `hcl:"results"`
	Unused  *string   `hcl:"unused"`
	Range   hcl.Range `hcl:",def_range"`
}

// Bounds of what may be kept.
const (
	maxResults = 1_000_000
	minUnused  = time.Minute
	maxUnused  = 10 * 365 * 24 * time.Hour
)

func (c *Config) takeCache(in *fileCache, diags *diag.List) {
	if in == nil {
		return
	}
	c.Cache.Off = in.Enabled != nil && !*in.Enabled
	if in.Results != nil {
		c.Cache.Results = *in.Results
		if c.Cache.Results < 1 || c.Cache.Results > maxResults {
			diags.Append(in.Range.Ptr(), "Number of cached results out of range", "cache.results is a number from 1 to 1000000. To keep none, write enabled = false.")
		}
	}
	if in.Unused != nil {
		age, err := time.ParseDuration(*in.Unused)
		if err != nil || age < minUnused || age > maxUnused {
			diags.Append(in.Range.Ptr(), "Age of cached results out of range", "cache.unused is a duration from 1m to 87600h, for example \"720h\".")
		}
		c.Cache.Age = age
	}
}
