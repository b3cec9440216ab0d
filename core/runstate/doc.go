// Package runstate keeps what happened in runs: a journal for each run, the
// logs of its attempts, and blobs by digest. The journal is append-only,
// durable and hash-chained, and the state of a run is what its journal says:
// Replay computes it. No other package but the server knows where state lives.
package runstate
