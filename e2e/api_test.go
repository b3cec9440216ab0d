package e2e_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// api asks the cluster as its administrator would, without any of the code that
// is under test.
type api struct {
	server string
	client *http.Client
}

// errNotFound is the answer for an object that is not there.
var errNotFound = errors.New("not found")

// paths are the places of the kinds that a release is made of.
func paths() map[string]string {
	return map[string]string{
		"deployment":     "/apis/apps/v1/namespaces/%s/deployments",
		"replicaset":     "/apis/apps/v1/namespaces/%s/replicasets",
		"job":            "/apis/batch/v1/namespaces/%s/jobs",
		"secret":         "/api/v1/namespaces/%s/secrets",
		"pod":            "/api/v1/namespaces/%s/pods",
		"service":        "/api/v1/namespaces/%s/services",
		"serviceaccount": "/api/v1/namespaces/%s/serviceaccounts",
		"networkpolicy":  "/apis/networking.k8s.io/v1/namespaces/%s/networkpolicies",
	}
}

type kubeconfig struct {
	Clusters []struct {
		Cluster struct {
			Server string `json:"server"`
			CA     []byte `json:"certificate-authority-data"`
		} `json:"cluster"`
	} `json:"clusters"`
	Users []struct {
		User struct {
			Certificate []byte `json:"client-certificate-data"`
			Key         []byte `json:"client-key-data"`
		} `json:"user"`
	} `json:"users"`
}

func openAPI(path string) (*api, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var config kubeconfig
	if err := yaml.Unmarshal(raw, &config); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(config.Clusters) != 1 || len(config.Users) != 1 {
		return nil, fmt.Errorf("read %s: it names %d clusters and %d users, not one of each", path, len(config.Clusters), len(config.Users))
	}
	cluster, user := config.Clusters[0].Cluster, config.Users[0].User
	pair, err := tls.X509KeyPair(user.Certificate, user.Key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cluster.CA)
	return &api{server: cluster.Server, client: &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		},
	}}, nil
}

// ask is one request; body may be nil.
func (a *api) ask(method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequest(method, a.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", path, errNotFound)
	case resp.StatusCode/100 != 2:
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	return answer, nil
}

func (a *api) createNamespace(name string) error {
	body := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": %q}}`, name)
	_, err := a.ask(http.MethodPost, "/api/v1/namespaces", []byte(body))
	return err
}

// get is an object as indented JSON.
func (a *api) get(kind, namespace, name string) ([]byte, error) {
	place, ok := paths()[kind]
	if !ok {
		return nil, fmt.Errorf("unknown kind %q", kind)
	}
	raw, err := a.ask(http.MethodGet, fmt.Sprintf(place, namespace)+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, err
	}
	return append(out.Bytes(), '\n'), nil
}

// objects lists what somebody has put into a namespace. What each namespace
// has by itself is left out.
func (a *api) objects(namespace string) ([]string, error) {
	var found []string
	for kind, place := range paths() {
		raw, err := a.ask(http.MethodGet, fmt.Sprintf(place, namespace), nil)
		if err != nil {
			return nil, err
		}
		var list struct {
			Items []struct {
				Metadata struct {
					Name string `json:"name"`
				} `json:"metadata"`
			} `json:"items"`
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("list %ss: %w", kind, err)
		}
		for _, item := range list.Items {
			if object := kind + " " + item.Metadata.Name; object != "serviceaccount default" {
				found = append(found, object)
			}
		}
	}
	slices.SortFunc(found, strings.Compare)
	return found, nil
}
