package process

import (
	"fmt"
	"os"
	"slices"
	"strconv"
)

// Find returns every running process that carries the cookie. It also finds
// those that were started just before a crash and therefore never recorded.
func Find(cookie string) ([]Identity, error) {
	if cookie == "" {
		return nil, nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []Identity
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // not a process
		}
		id, err := Identify(pid)
		if err != nil {
			continue // ended since it was listed
		}
		if id.Alive(cookie) {
			found = append(found, id)
		}
	}
	slices.SortFunc(found, func(a, b Identity) int { return a.PID - b.PID })
	return found, nil
}
