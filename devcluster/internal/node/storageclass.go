package node

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// EnsureStorageClasses creates an encrypted and a plain storage class. Both
// are there to be read, by policies above all: nothing provisions a volume.
func EnsureStorageClasses(ctx context.Context, client kubernetes.Interface) error {
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	reclaim := corev1.PersistentVolumeReclaimDelete
	for name, parameters := range map[string]map[string]string{
		"encrypted-ssd": {"type": "ssd", "encrypted": "true"},
		"plain-ssd":     {"type": "ssd", "encrypted": "false"},
	} {
		class := &storagev1.StorageClass{
			ObjectMeta:        metav1.ObjectMeta{Name: name},
			Provisioner:       "devcluster.stagegate.dev/none",
			Parameters:        parameters,
			VolumeBindingMode: &mode,
			ReclaimPolicy:     &reclaim,
		}
		_, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create storage class %s: %w", name, err)
		}
	}
	return nil
}
