package event

// StopMode says how much of a run is stopped.
type StopMode string

// The modes, from the mildest to the hardest. Each can follow the one before.
const (
	StopAfterCurrent StopMode = "after_current" // what runs may end, nothing new starts; then cleanup
	StopCleanup      StopMode = "cleanup"       // what runs is stopped; then cleanup
	StopNow          StopMode = "now"           // everything is stopped, cleanup included
)

// StopModes are all modes, in their order.
func StopModes() []StopMode { return []StopMode{StopAfterCurrent, StopCleanup, StopNow} }
