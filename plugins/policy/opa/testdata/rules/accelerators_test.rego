package tests.accelerators

import data.tests.release

limits(name, count) := release.put(release.container("/resources"), {"limits": {name: count}})

test_gpu_limits_pass if {
	release.passes("gpu_limits", data.release)
	every count in [1, 8, "4"] {
		release.passes("gpu_limits", limits("nvidia.com/gpu", count))
	}
	release.passes("gpu_limits", limits("cpu", "500m"))
	release.passes("gpu_limits", release.without(release.container("/resources")))
}

test_gpu_limits_fail if {
	every count in [0, -1, 0.5, "500m", "", 9, null] {
		release.only("gpu_limits", limits("nvidia.com/gpu", count))
	}
	every name in ["amd.com/gpu", "nvidia.com/mig-1g.10gb", "example.com/gpu", "google.com/tpu"] {
		release.only("gpu_limits", limits(name, 99))
	}
	release.only("gpu_limits", release.put(release.container("/resources/requests/nvidia.com~1gpu"), 1))
	release.only("gpu_limits", release.put(release.container("/resources"), {"requests": {"nvidia.com/gpu": 1}}))
	release.only("gpu_limits", data.release) with data.stagegate.parameters.max_gpus_per_pod as 1
	# The bound is on the pod, however it is split.
	release.objects_to("gpu_limits", release.put(release.pod("/spec/initContainers"), [{"name": "i", "resources": {"limits": {"nvidia.com/gpu": 7}}}]))
}

test_gpu_limits_unknown if release.objects_to("gpu_limits", release.unknown(release.objects))

test_gpu_limits_missing if release.objects_to("gpu_limits", release.without(release.objects))
