// Package node describes the simulated GPU nodes and what they do, and brings
// the cluster's nodes in line with that description.
package node

import (
	_ "embed"
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
	// MaxNodes is how many nodes there can be: each has a network of its own
	// in PodCIDR.
	MaxNodes = 250
	// PodCIDR holds the addresses of all pods.
	PodCIDR = "10.244.0.0/16"

	simulatedKey   = "kwok.x-k8s.io/node"
	simulatedValue = "fake"
	// ownerLabel marks the nodes that this package may remove again.
	ownerLabel = "devcluster.stagegate.dev/node"
)

// Stages tells KWOK how nodes and pods behave.
//
//go:embed stages.yaml
var Stages []byte

// Name returns the name of the n-th node, counted from 1.
func Name(n int) string { return "gpu-node-" + strconv.Itoa(n) }

// describe returns the n-th node as kubelet and the vendor's GPU feature
// discovery would report it on an eight-GPU A100 machine.
func describe(n, gpus int, kubeletVersion string) *corev1.Node {
	name := Name(n)
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("96"),
		corev1.ResourceMemory:           resource.MustParse("1100Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("2Ti"),
		corev1.ResourcePods:             resource.MustParse("110"),
		GPUResource:                     *resource.NewQuantity(int64(gpus), resource.DecimalSI),
	}
	podCIDR := "10.244." + strconv.Itoa(n) + ".0/24"
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{simulatedKey: simulatedValue},
			Labels:      labels(name, gpus),
		},
		Spec: corev1.NodeSpec{
			PodCIDR:  podCIDR,
			PodCIDRs: []string{podCIDR},
			Taints:   []corev1.Taint{{Key: GPUResource, Effect: corev1.TaintEffectNoSchedule}},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			Addresses: []corev1.NodeAddress{
				// From the documentation range: no such machine exists.
				{Type: corev1.NodeInternalIP, Address: "192.0.2." + strconv.Itoa(n)},
				{Type: corev1.NodeHostName, Address: name},
			},
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

func labels(name string, gpus int) map[string]string {
	return map[string]string{
		ownerLabel:                             "simulated",
		corev1.LabelHostname:                   name,
		corev1.LabelArchStable:                 "amd64",
		corev1.LabelOSStable:                   "linux",
		corev1.LabelInstanceTypeStable:         "simulated-a100-" + strconv.Itoa(gpus),
		corev1.LabelTopologyRegion:             "local",
		corev1.LabelTopologyZone:               "local-a",
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
