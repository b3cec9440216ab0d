// Package rollout judges how a rollout stands from what the cluster shows:
// whether it is done, what holds it up, and for how long that may go on. It is
// pure: it reads snapshots and a clock that it is given, and calls nobody.
package rollout
