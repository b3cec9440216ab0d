package event

import "time"

// Wait says what a stage waits for before it can begin or go on.
type Wait struct {
	// Group is the concurrency group that it wants to be alone in.
	Group string `json:"group,omitempty"`
	// Holder is the stage that is in the group.
	Holder *Occupant `json:"holder,omitempty"`
	// Before is how many others wait before it, without the holder.
	Before int `json:"before,omitempty"`
	// Cancelling are the runs that were asked to end for its sake.
	Cancelling []string `json:"cancelling,omitempty"`
}

// Occupant is a stage of some run in a concurrency group.
type Occupant struct {
	Run   string `json:"run"`
	Stage string `json:"stage"`
	// Since is when it entered; zero when it is just about to.
	Since time.Time `json:"since,omitzero"`
}
