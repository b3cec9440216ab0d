package tests.network

import data.tests.release

test_network_default_deny_pass if {
	release.passes("network_default_deny", data.release)
	release.passes("network_default_deny", release.put(release.network("/spec/podSelector"), {}))
	release.passes("network_default_deny", release.put(release.network("/spec/ingress"), []))
}

test_network_default_deny_fail if {
	release.only("network_default_deny", release.without(release.network("")))
	release.only("network_default_deny", release.put(release.network("/spec/policyTypes"), ["Ingress"]))
	release.only("network_default_deny", release.put(release.network("/spec/policyTypes"), ["Egress"]))
	release.only("network_default_deny", release.put(release.network("/spec/podSelector/matchLabels"), {"app": "other"}))
	release.only("network_default_deny", release.put(release.network("/spec/podSelector/matchExpressions"), [{"key": "a", "operator": "Exists"}]))
	release.only("network_default_deny", release.put(release.network("/metadata/namespace"), "other"))
	release.only("network_default_deny", release.put(release.network("/spec/ingress/0"), {}))
	release.only("network_default_deny", release.put(release.network("/spec/egress/0"), {}))
	release.only("network_default_deny", release.put(release.network("/spec/egress/1/to/0/ipBlock/cidr"), "0.0.0.0/0"))
	release.only("network_default_deny", release.put(release.network("/spec/egress/1/to/0/ipBlock/cidr"), "::/0"))
}

test_network_default_deny_unknown if release.objects_to("network_default_deny", release.unknown(release.objects))

test_network_default_deny_missing if release.objects_to("network_default_deny", release.without(release.objects))

ingress(spec) := {"kind": "Ingress", "metadata": {"name": "i"}, "spec": spec}

test_external_access_tls_pass if {
	release.passes("external_access_tls", data.release)
	release.passes("external_access_tls", release.with_object(ingress({
		"rules": [{"host": "a.example"}],
		"tls": [{"hosts": ["a.example"], "secretName": "s"}],
	})))
}

test_external_access_tls_fail if {
	every spec in [
		{"rules": [{"host": "a.example"}]},
		{"rules": [{}]},
		{"rules": [{"host": "a.example"}], "tls": [{"hosts": ["b.example"]}]},
		{"defaultBackend": {"service": {"name": "s"}}},
	] {
		release.only("external_access_tls", release.with_object(ingress(spec)))
	}
	every type in ["NodePort", "Other"] {
		release.only("external_access_tls", release.put(release.service("/spec/type"), type))
	}
	release.only("external_access_tls", release.put(release.service("/spec/externalIPs"), ["192.0.2.1"]))
}

test_external_access_tls_unknown if release.objects_to("external_access_tls", release.unknown(release.objects))

test_external_access_tls_missing if release.objects_to("external_access_tls", release.without(release.objects))
