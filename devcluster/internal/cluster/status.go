package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/devcluster/internal/component"
	"github.com/stagegate/stagegate/devcluster/internal/kubeconfig"
	"github.com/stagegate/stagegate/devcluster/internal/node"
	"github.com/stagegate/stagegate/devcluster/internal/port"
	"github.com/stagegate/stagegate/devcluster/internal/process"
	"github.com/stagegate/stagegate/devcluster/internal/state"
)

// Status inspects the cluster without changing or locking anything.
func (c *Cluster) Status(ctx context.Context) (Report, error) {
	recorded, err := state.Load(c.Layout.State())
	if errors.Is(err, state.ErrNone) {
		return Report{State: Stopped, Dir: c.Layout.Dir}, nil
	}
	if err != nil {
		return Report{}, err
	}
	return c.inspect(ctx, recorded), nil
}

// inspect never fails: whatever cannot be reached is a problem in the report.
func (c *Cluster) inspect(ctx context.Context, recorded *state.State) Report {
	report := Report{State: Stopped, Dir: c.Layout.Dir}
	if len(recorded.Components) == 0 {
		return report
	}
	report.State = Degraded
	report.Kubeconfig = c.Layout.Kubeconfig()
	report.Registry = &RegistryReport{Address: port.Address(recorded.Ports.Registry), CA: c.Layout.Registry("ca.crt")}

	problems := make(map[string]error)
	if recorded.Alive(component.Registry) {
		problems[component.Registry] = c.probeRegistry(ctx, recorded.Ports.Registry)
	}
	switch {
	case !recorded.Alive(component.APIServer):
	case !recorded.Alive(component.Etcd):
		problems[component.APIServer] = errors.New("has no etcd") // asking would take its time
	default:
		problems[component.APIServer], problems[component.KWOK] = c.probeAPI(ctx, recorded, &report)
	}
	report.Running = true
	for _, name := range componentNames() {
		one := c.inspectComponent(recorded, name, problems[name])
		report.Running = report.Running && one.Healthy
		report.Components = append(report.Components, one)
	}
	if report.Running {
		report.State = Running
	}
	return report
}

func (c *Cluster) inspectComponent(recorded *state.State, name string, problem error) ComponentReport {
	one, _ := recorded.Component(name)
	report := ComponentReport{Name: name, PID: one.PID, LogFile: c.Layout.Log(name)}
	switch {
	case one.PID == 0:
		report.Problem = "was not started"
	case !one.Alive(recorded.Cookie):
		report.Problem = fmt.Sprintf("process %d has ended", one.PID)
	case problem != nil:
		report.Problem = problem.Error()
	default:
		report.Healthy = true
		return report
	}
	report.Log = process.LogTail(report.LogFile, logTailLines)
	return report
}

// probeAPI asks the API server whether it is ready and what nodes there are,
// and fills in the report. Nodes that are not ready are KWOK's problem.
func (c *Cluster) probeAPI(ctx context.Context, recorded *state.State, report *Report) (apiProblem, nodeProblem error) {
	client, server, err := kubeconfig.Open(c.Layout.Kubeconfig(), requestTimeout)
	if err != nil {
		return err, nil
	}
	report.Server = server
	if _, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
		return fmt.Errorf("is not ready: %w", err), nil
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("ask for version: %w", err), nil
	}
	report.Version = version.GitVersion
	kwok, _ := recorded.Component(component.KWOK)
	nodes, err := node.List(ctx, client, kwok.StartedAt)
	if err != nil {
		return err, nil
	}
	for _, n := range nodes {
		report.Nodes = append(report.Nodes, NodeReport(n))
		if !n.Ready && nodeProblem == nil {
			nodeProblem = fmt.Errorf("node %s is not ready", n.Name)
		}
	}
	return nil, nodeProblem
}
