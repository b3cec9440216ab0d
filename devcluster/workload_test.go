package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/devcluster/internal/cluster"
	"github.com/stagegate/stagegate/devcluster/internal/node"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
)

func newPod(name string, gpus int64, annotations map[string]string) *corev1.Pod {
	limits := corev1.ResourceList{}
	if gpus > 0 {
		limits[node.GPUResource] = *resource.NewQuantity(gpus, resource.DecimalSI)
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}, Annotations: annotations},
		Spec: corev1.PodSpec{
			Tolerations: []corev1.Toleration{{Key: node.GPUResource, Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{
				Name: "server", Image: "registry.example/server:1",
				Resources: corev1.ResourceRequirements{Limits: limits},
			}},
		},
	}
}

// awaitPod creates the pod and waits until it is as expected.
func awaitPod(t *testing.T, client kubernetes.Interface, pod *corev1.Pod, what string, expected func(*corev1.Pod) bool) {
	t.Helper()
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, pod.Name+" "+what, func() bool {
		current, err := pods.Get(t.Context(), pod.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return expected(current)
	})
}

func testPods(t *testing.T, report cluster.Report) {
	client := connect(t, report)
	awaitPod(t, client, newPod("served", 4, nil), "is ready", func(pod *corev1.Pod) bool {
		return condition(pod, corev1.PodReady, corev1.ConditionTrue) != nil && pod.Status.PodIP != ""
	})
	testEndpoint(t, client, "served")

	awaitPod(t, client, newPod("greedy", 9, nil), "stays pending for want of GPUs", func(pod *corev1.Pod) bool {
		unscheduled := condition(pod, corev1.PodScheduled, corev1.ConditionFalse)
		return unscheduled != nil && strings.Contains(unscheduled.Message, "Insufficient "+node.GPUResource)
	})
	plain := newPod("plain", 0, nil)
	plain.Spec.Tolerations = nil
	awaitPod(t, client, plain, "is ready on the node without GPUs", func(pod *corev1.Pod) bool {
		return condition(pod, corev1.PodReady, corev1.ConditionTrue) != nil &&
			pod.Spec.NodeName == "cpu-node-1" && strings.HasPrefix(pod.Status.PodIP, "10.245.1.")
	})
	intolerant := newPod("intolerant", 0, nil)
	intolerant.Spec.Tolerations = nil
	intolerant.Spec.NodeSelector = map[string]string{"nvidia.com/gpu.present": "true"}
	awaitPod(t, client, intolerant, "is kept off by the taint", func(pod *corev1.Pod) bool {
		unscheduled := condition(pod, corev1.PodScheduled, corev1.ConditionFalse)
		return unscheduled != nil && strings.Contains(unscheduled.Message, "untolerated taint")
	})
	for fault, reason := range map[string]string{
		"crash-loop": "CrashLoopBackOff", "image-pull-error": "ImagePullBackOff", "never-ready": "",
	} {
		pod := newPod(fault, 1, map[string]string{"devcluster.stagegate.dev/simulate": fault})
		awaitPod(t, client, pod, "shows its fault", func(pod *corev1.Pod) bool {
			if condition(pod, corev1.PodReady, corev1.ConditionFalse) == nil || len(pod.Status.ContainerStatuses) != 1 {
				return false
			}
			waiting := pod.Status.ContainerStatuses[0].State.Waiting
			return (waiting == nil) == (reason == "") && (waiting == nil || waiting.Reason == reason)
		})
	}
	testDeletion(t, client, "served")
}

func testEndpoint(t *testing.T, client kubernetes.Interface, app string) {
	t.Helper()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: app},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": app},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}
	if _, err := client.CoreV1().Services(metav1.NamespaceDefault).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ready endpoint of "+app, func() bool {
		slices, err := client.DiscoveryV1().EndpointSlices(metav1.NamespaceDefault).List(t.Context(),
			metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + app})
		if err != nil {
			t.Fatal(err)
		}
		for i := range slices.Items {
			for _, endpoint := range slices.Items[i].Endpoints {
				if endpoint.Conditions.Ready != nil && *endpoint.Conditions.Ready {
					return true
				}
			}
		}
		return false
	})
}

func testDeletion(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	if err := pods.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, name+" is gone", func() bool {
		_, err := pods.Get(t.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func condition(pod *corev1.Pod, kind corev1.PodConditionType, status corev1.ConditionStatus) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if one := &pod.Status.Conditions[i]; one.Type == kind && one.Status == status {
			return one
		}
	}
	return nil
}

// testRegistry pushes a blob, reads it back and deletes it, as an OCI client does.
func testRegistry(t *testing.T, registry *cluster.RegistryReport) {
	authority, err := os.ReadFile(registry.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	t.Cleanup(client.CloseIdleConnections)

	content := []byte("weights")
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
	base := "https://" + registry.Address + "/v2/team/digits/blobs/"

	upload := exchange(t, client, http.MethodPost, base+"uploads/", nil, http.StatusAccepted)
	location, err := url.Parse(upload.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	query := location.Query()
	query.Set("digest", digest)
	location.RawQuery = query.Encode()
	exchange(t, client, http.MethodPut, location.String(), content, http.StatusCreated)
	exchange(t, client, http.MethodHead, base+digest, nil, http.StatusOK)
	exchange(t, client, http.MethodDelete, base+digest, nil, http.StatusAccepted)
	exchange(t, client, http.MethodHead, base+digest, nil, http.StatusNotFound)

	stranger := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := stranger.Do(request)
	if err == nil {
		response.Body.Close()
		t.Error("a client that does not know the authority was content")
	}
}

func exchange(t *testing.T, client *http.Client, method, address string, body []byte, want int) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != want {
		t.Fatalf("%s %s: %s, want %d\n%s", method, address, response.Status, want, answer)
	}
	return response
}
