// Package obstacle names what keeps a pod from running, by what the cluster
// says of it. It is pure, and knows neither releases nor jobs: how long
// something may last is decided elsewhere.
package obstacle

import (
	"slices"
	"strings"
)

// Class says what sort of thing it is. The names are those of the failures that
// users see.
type Class string

// The classes.
const (
	Queue     Class = "queued"        // a queue, or another gate, keeps the pod from the scheduler
	Quota     Class = "quota"         // the namespace's quota refuses the pod
	Admission Class = "admission"     // another rule of the API server refuses it
	Capacity  Class = "unschedulable" // nodes fit, but have no room
	Placement Class = "unplaceable"   // no node fits, whatever its room
	Image     Class = "image"         // an image or a model cannot be fetched
	Config    Class = "pod_config"    // the pod refers to what is not there
	Device    Class = "device"        // the node refuses the pod
)

// Obstacle is one of them.
type Obstacle struct {
	Class   Class
	Reason  string // Kubernetes' own word
	Message string
	// Hopeless means that waiting cannot help.
	Hopeless bool
}

// String is the obstacle in one line.
func (o Obstacle) String() string {
	if o.Message == "" || o.Reason == "" {
		return o.Reason + o.Message
	}
	return o.Reason + ": " + o.Message
}

// Unscheduled reads the condition PodScheduled of a pod without a node; false
// when the scheduler has not looked at it yet.
func Unscheduled(status, reason, message string) (Obstacle, bool) {
	o := Obstacle{Class: Placement, Reason: reason, Message: message}
	switch {
	case status != "False":
		return Obstacle{}, false
	case reason == "SchedulingGated":
		o.Class = Queue
	case strings.Contains(message, "Insufficient ") || strings.Contains(message, "Too many pods"):
		o.Class = Capacity
	}
	return o, true
}

// Waiting reads why a container waits; false when that is how every container
// begins.
func Waiting(reason, message string) (Obstacle, bool) {
	o := Obstacle{Reason: reason, Message: message}
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "ErrImageNeverPull", "RegistryUnavailable", "SignatureValidationFailed":
		o.Class = Image
	case "InvalidImageName":
		o.Class, o.Hopeless = Image, true
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		o.Class = Config
	default:
		return Obstacle{}, false
	}
	return o, true
}

// Refused reads why the API server did not let a controller make a pod; false
// when that may be over the next time.
func Refused(reason, message string) (Obstacle, bool) {
	o := Obstacle{Reason: reason, Message: message, Hopeless: true}
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(message, w) })
	}
	switch {
	case says("exceeded quota", "failed quota"):
		o.Class = Quota
	case says("failed calling webhook", "error looking up service account"):
		return Obstacle{}, false
	case says("forbidden", "denied the request", "is invalid"):
		o.Class = Admission
	default:
		return Obstacle{}, false
	}
	return o, true
}

// ByNode reports whether the reason of a failed pod says that its node did not
// take it.
func ByNode(reason string) bool {
	return reason == "UnexpectedAdmissionError" || reason == "NodeAffinity" || strings.HasPrefix(reason, "OutOf")
}
