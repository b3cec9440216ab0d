package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/stagegate/stagegate/sdk/strictjson"
)

// Bounds on what a deployer may say.
const (
	maxFacts    = 256
	maxFactName = 128
)

// Declaration is a fact that the operator answers for, because no client can
// see it from outside. It stands only where nothing better is known.
type Declaration struct {
	Name  string // as a deployer would name it, for example registry.hosts
	Value json.RawMessage
	By    string // who says so
}

// place is where a deployer's fact belongs; nil for one without a place of its
// own. What the runner knows itself has no name here, so that no plugin can
// speak of it.
func (in *Input) place(name string) *Fact {
	return in.places()[name]
}

// places are all facts that a deployer may state and that rules know.
func (in *Input) places() map[string]*Fact {
	return map[string]*Fact{
		"target.namespace": &in.Target.Namespace,
		"target.strategy":  &in.Target.Strategy,
		"workload.objects": &in.Workload.Objects,
		"workload.images":  &in.Workload.Images,
		"cluster.version":  &in.Cluster.Version,
		"cluster.uid":      &in.Cluster.UID,
		"cluster.gpu":      &in.Cluster.GPU,
		"storage.classes":  &in.Storage.Classes,
		"registry.hosts":   &in.Registry.Hosts,
		// The deployer knows who it is in the cluster, not who runs the runner.
		"access.actor": &in.Access.ClusterActor,
		"access.rbac":  &in.Access.RBAC,

		"cluster.gpu_sharing":       &in.Cluster.GPUSharing,
		"cluster.pod_security":      &in.Cluster.PodSecurity,
		"cluster.quotas":            &in.Cluster.Quotas,
		"cluster.secret_encryption": &in.Cluster.SecretEncryption,
		"cluster.audit_log":         &in.Cluster.AuditLog,
		"cluster.mesh":              &in.Cluster.Mesh,
		"registry.at_rest":          &in.Registry.AtRest,
		"previous.release":          &in.Previous.Release,
	}
}

// operatorPlaces are facts that the operator alone may state: what a plugin says
// under such a name has no place.
func (in *Input) operatorPlaces() map[string]*Fact {
	return map[string]*Fact{
		"encryption.keys":    &in.Encryption.Keys,
		"access.break_glass": &in.Access.BreakGlass,
	}
}

// takeFacts puts the deployer's facts where they belong.
func (in *Input) takeFacts(facts []*pluginv1.Fact, source string) error {
	if len(facts) > maxFacts {
		return fmt.Errorf("%s states %d facts, more than %d", source, len(facts), maxFacts)
	}
	var seen []string
	for _, f := range facts {
		name := f.GetName()
		if name == "" || len(name) > maxFactName {
			return fmt.Errorf("%s states a fact with the name %.140q", source, name)
		}
		if slices.Contains(seen, name) {
			return fmt.Errorf("%s states the fact %s twice", source, name)
		}
		seen = append(seen, name)
		fact, err := factOf(f, source)
		if err != nil {
			return err
		}
		in.set(name, fact)
	}
	return nil
}

// declare lets the operator's word stand where nothing better is known.
func (in *Input) declare(declared []Declaration) error {
	for _, d := range declared {
		if err := strictjson.Check(d.Value); err != nil {
			return fmt.Errorf("the operator's fact %s: %w", d.Name, err)
		}
		if place := in.operatorPlaces()[d.Name]; place != nil {
			*place = Fact{State: Declared, Value: d.Value, Source: d.By}
			continue
		}
		was, known := in.Facts[d.Name]
		if place := in.place(d.Name); place != nil {
			was, known = *place, true
		}
		if known && (was.State == Verified || was.State == Declared) {
			continue
		}
		in.set(d.Name, Fact{State: Declared, Value: d.Value, Source: d.By})
	}
	return nil
}

func (in *Input) set(name string, f Fact) {
	if place := in.place(name); place != nil {
		*place = f
		return
	}
	in.Facts[name] = f
}

func factOf(f *pluginv1.Fact, stage string) (Fact, error) {
	out := Fact{State: Unknown, Source: f.GetSource()}
	if out.Source == "" {
		out.Source = stage
	}
	if at := f.GetCheckedAt(); at.IsValid() && at.AsTime().Unix() > 0 {
		t := at.AsTime()
		out.CheckedAt = &t
	}
	switch f.GetState() {
	case pluginv1.FactState_FACT_STATE_VERIFIED:
		out.State = Verified
	case pluginv1.FactState_FACT_STATE_DECLARED:
		out.State = Declared
	case pluginv1.FactState_FACT_STATE_ABSENT:
		out.State = Absent
	default: // whatever else a plugin may send is not knowledge
	}
	if out.State != Verified && out.State != Declared {
		return out, nil
	}
	if err := strictjson.Check(f.GetValue()); err != nil {
		return Fact{}, fmt.Errorf("the fact %s of %s is not plain JSON: %w", f.GetName(), stage, err)
	}
	if bytes.Equal(bytes.TrimSpace(f.GetValue()), []byte("null")) {
		return Fact{}, fmt.Errorf("the fact %s of %s claims to be %s and is null", f.GetName(), stage, out.State)
	}
	out.Value = f.GetValue()
	return out, nil
}

// seen is a fact that the runner recorded itself; empty text is absent.
func seen(text, source string, at time.Time) Fact {
	if text == "" {
		return Fact{State: Absent, Source: source, CheckedAt: &at}
	}
	return Fact{State: Verified, Value: quote(text), Source: source, CheckedAt: &at}
}

func quote(text string) json.RawMessage {
	out, _ := json.Marshal(strings.ToValidUTF8(text, "\uFFFD")) // a string cannot fail
	return out
}
