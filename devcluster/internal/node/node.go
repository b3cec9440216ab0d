// Package node describes the simulated nodes and what they do, and brings the
// cluster's nodes in line with that description.
package node

import (
	_ "embed"
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// GPUResource is the extended resource that a GPU node offers.
	GPUResource = "nvidia.com/gpu"
	// SimulatedSelector is the annotation by which KWOK knows its nodes.
	SimulatedSelector = simulatedKey + "=" + simulatedValue
	// MaxNodes is how many nodes of each kind there can be: each has a network
	// of its own in PodCIDR.
	MaxNodes = 250
	// PodCIDR holds the addresses of all pods: 10.244 those on GPU nodes, 10.245
	// those on CPU nodes.
	PodCIDR = "10.244.0.0/15"

	simulatedKey   = "kwok.x-k8s.io/node"
	simulatedValue = "fake"
	// ownerLabel marks the nodes that this package may remove again.
	ownerLabel = "devcluster.stagegate.dev/node"
)

// Stages tells KWOK how nodes and pods behave.
//
//go:embed stages.yaml
var Stages []byte

// Fleet says which simulated nodes a cluster has.
type Fleet struct {
	GPUNodes    int
	GPUsPerNode int
	CPUNodes    int
}

// nodes describes every node of the fleet.
func (f Fleet) nodes(kubeletVersion string) []*corev1.Node {
	nodes := make([]*corev1.Node, 0, f.GPUNodes+f.CPUNodes)
	for n := 1; n <= f.GPUNodes; n++ {
		nodes = append(nodes, describeGPU(n, f.GPUsPerNode, kubeletVersion))
	}
	for n := 1; n <= f.CPUNodes; n++ {
		nodes = append(nodes, describeCPU(n, kubeletVersion))
	}
	return nodes
}

// describeGPU returns the n-th GPU node as kubelet and the vendor's GPU feature
// discovery would report it on an eight-GPU A100 machine.
func describeGPU(n, gpus int, kubeletVersion string) *corev1.Node {
	node := describe("gpu-node-"+strconv.Itoa(n), kubeletVersion, corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("96"),
		corev1.ResourceMemory:           resource.MustParse("1100Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("2Ti"),
		corev1.ResourcePods:             resource.MustParse("110"),
		GPUResource:                     *resource.NewQuantity(int64(gpus), resource.DecimalSI),
	})
	connect(node, "10.244."+strconv.Itoa(n)+".0/24", "192.0.2."+strconv.Itoa(n))
	node.Spec.Taints = []corev1.Taint{{Key: GPUResource, Effect: corev1.TaintEffectNoSchedule}}
	maps.Copy(node.Labels, gpuLabels(gpus))
	return node
}

// describeCPU returns the n-th node for pods that need no GPU: it has none, and
// no taint that keeps them off.
func describeCPU(n int, kubeletVersion string) *corev1.Node {
	node := describe("cpu-node-"+strconv.Itoa(n), kubeletVersion, corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("16"),
		corev1.ResourceMemory:           resource.MustParse("64Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("200Gi"),
		corev1.ResourcePods:             resource.MustParse("110"),
	})
	connect(node, "10.245."+strconv.Itoa(n)+".0/24", "198.51.100."+strconv.Itoa(n))
	node.Labels[corev1.LabelInstanceTypeStable] = "simulated-cpu"
	return node
}

// describe returns what all simulated nodes have in common.
func describe(name, kubeletVersion string, capacity corev1.ResourceList) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{simulatedKey: simulatedValue},
			Labels: map[string]string{
				ownerLabel:                 "simulated",
				corev1.LabelHostname:       name,
				corev1.LabelArchStable:     "amd64",
				corev1.LabelOSStable:       "linux",
				corev1.LabelTopologyRegion: "local",
				corev1.LabelTopologyZone:   "local-a",
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			NodeInfo: corev1.NodeSystemInfo{
				Architecture:            "amd64",
				OperatingSystem:         "linux",
				OSImage:                 "simulated",
				KernelVersion:           "simulated",
				ContainerRuntimeVersion: "kwok://simulated",
				KubeletVersion:          kubeletVersion,
			},
		},
	}
}

// connect gives a node its network for pods and an address of its own, from a
// documentation range: no such machine exists.
func connect(node *corev1.Node, podCIDR, address string) {
	node.Spec.PodCIDR = podCIDR
	node.Spec.PodCIDRs = []string{podCIDR}
	node.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: address},
		{Type: corev1.NodeHostName, Address: node.Name},
	}
}

func gpuLabels(gpus int) map[string]string {
	return map[string]string{
		corev1.LabelInstanceTypeStable:         "simulated-a100-" + strconv.Itoa(gpus),
		"nvidia.com/gpu.present":               strconv.FormatBool(gpus > 0),
		"nvidia.com/gpu.count":                 strconv.Itoa(gpus),
		"nvidia.com/gpu.product":               "NVIDIA-A100-SXM4-80GB",
		"nvidia.com/gpu.family":                "ampere",
		"nvidia.com/gpu.memory":                "81920",
		"nvidia.com/gpu.compute.major":         "8",
		"nvidia.com/gpu.compute.minor":         "0",
		"nvidia.com/mig.capable":               "true",
		"nvidia.com/mig.strategy":              "single",
		"nvidia.com/cuda.driver-version.major": "580",
	}
}
