package view

import (
	"encoding/json"
	"sync"

	"github.com/stagegate/stagegate/core/event"
)

// SchemaVersion is that of the JSON forms. Fields are added under the same
// version; a field that changes or goes raises it.
const SchemaVersion = 1

// jsonLines prints each event as one line of JSON, after one line that names
// the version of the form.
type jsonLines struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func newJSONLines(o Options) *jsonLines {
	v := &jsonLines{enc: json.NewEncoder(o.Out)}
	v.enc.SetEscapeHTML(false)
	v.write(struct {
		Type   string `json:"type"`
		Schema int    `json:"schema"`
		Runner string `json:"runner"`
	}{"version", SchemaVersion, o.Version})
	return v
}

// Show prints the event.
func (v *jsonLines) Show(e event.Event) { v.write(e) }

func (v *jsonLines) write(what any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	// A reader that has gone away must not end a release.
	_ = v.enc.Encode(what)
}

// Close has nothing to take back.
func (v *jsonLines) Close() {}
