package cluster

// State is how a cluster is as a whole.
type State string

// The states of a cluster.
const (
	Stopped  State = "stopped"
	Running  State = "running"
	Degraded State = "degraded"
)

// Report is what `status` and `up` say, and their JSON form.
type Report struct {
	// Running is true when every part is there and healthy.
	Running    bool              `json:"running"`
	State      State             `json:"state"`
	Dir        string            `json:"dir"`
	Kubeconfig string            `json:"kubeconfig,omitempty"`
	Server     string            `json:"server,omitempty"`
	Version    string            `json:"version,omitempty"`
	Registry   *RegistryReport   `json:"registry,omitempty"`
	Nodes      []NodeReport      `json:"nodes,omitempty"`
	Components []ComponentReport `json:"components,omitempty"`
}

// RegistryReport says how to reach the registry and whom to trust.
type RegistryReport struct {
	Address string `json:"address"`
	CA      string `json:"ca"`
}

// NodeReport is one node.
type NodeReport struct {
	Name  string `json:"name"`
	GPUs  int64  `json:"gpus"`
	Ready bool   `json:"ready"`
}

// ComponentReport is one component. Problem and Log are empty when it is healthy.
type ComponentReport struct {
	Name    string   `json:"name"`
	PID     int      `json:"pid"`
	Healthy bool     `json:"healthy"`
	Problem string   `json:"problem,omitempty"`
	LogFile string   `json:"log_file"`
	Log     []string `json:"log,omitempty"`
}

func (r *Report) healthy(name string) bool {
	for i := range r.Components {
		if r.Components[i].Name == name {
			return r.Components[i].Healthy
		}
	}
	return false
}
