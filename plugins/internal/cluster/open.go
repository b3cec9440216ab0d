package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Access says which cluster to talk to and as whom.
type Access struct {
	// Kubeconfig is the file that a pipeline names. When it is empty,
	// $KUBECONFIG, ~/.kube/config and the pod's own account are tried.
	Kubeconfig string
	// Context within the kubeconfig; empty means its current one.
	Context string
}

// Client is one API server, seen as one user. It may be used by several
// goroutines at once.
type Client struct {
	objects  dynamic.Interface
	plain    *http.Client
	base     *url.URL
	source   string
	warnings *warnings
}

// Open reads the credentials; nothing is sent yet.
func Open(a Access) (*Client, error) {
	config, source, err := load(a)
	if err != nil {
		return nil, &Error{Kind: NoAccess, Op: "read the kubeconfig", Source: source, Err: err}
	}
	w := &warnings{}
	config.UserAgent = "stagegate"
	config.QPS, config.Burst = 50, 100
	config.WarningHandlerWithContext = w
	plain, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, &Error{Kind: NoAccess, Op: "use the kubeconfig", Source: source, Err: err}
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, &Error{Kind: NoAccess, Op: "use the kubeconfig", Source: source, Err: err}
	}
	objects, err := dynamic.NewForConfigAndClient(config, plain)
	if err != nil {
		return nil, &Error{Kind: NoAccess, Op: "use the kubeconfig", Source: source, Err: err}
	}
	return &Client{objects: objects, plain: plain, base: base, source: source, warnings: w}, nil
}

// Address is where the API server is.
func (c *Client) Address() string { return c.base.Scheme + "://" + c.base.Host }

// Source says where the credentials came from.
func (c *Client) Source() string { return c.source }

// Warnings are what the API server had to remark so far, each once.
func (c *Client) Warnings() []string { return c.warnings.all() }

// Close drops the connections that are kept open. The client's own method would
// not see through client-go's wrappers.
func (c *Client) Close() { utilnet.CloseIdleConnectionsFor(c.plain.Transport) }

func load(a Access) (config *rest.Config, source string, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = a.Kubeconfig
	source = describe(a, rules)
	raw, err := rules.Load()
	if err != nil {
		return nil, source, err
	}
	if len(raw.Clusters) == 0 && a.Kubeconfig == "" && a.Context == "" {
		return inCluster(source)
	}
	if a.Kubeconfig != "" {
		if err := checkHarmless(raw, a.Context); err != nil {
			return nil, source, err
		}
	}
	config, err = clientcmd.NewNonInteractiveClientConfig(*raw, a.Context, &clientcmd.ConfigOverrides{}, rules).ClientConfig()
	return config, source, err
}

func inCluster(source string) (*rest.Config, string, error) {
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return nil, source, errors.New("no cluster is configured there")
	}
	return config, "the service account of this pod", err
}

func describe(a Access, rules *clientcmd.ClientConfigLoadingRules) string {
	if a.Kubeconfig != "" {
		return a.Kubeconfig
	}
	if env := os.Getenv(clientcmd.RecommendedConfigPathEnvVar); env != "" {
		return env + " ($KUBECONFIG)"
	}
	return strings.Join(rules.Precedence, ", ")
}

// checkHarmless refuses what a kubeconfig could do to the machine that reads
// it. The pipeline is not trusted, so a file that it names must neither start
// programs nor send other files' content to a server of its choice; one that
// the operator configured may.
func checkHarmless(raw *api.Config, contextName string) error {
	if contextName == "" {
		contextName = raw.CurrentContext
	}
	context, ok := raw.Contexts[contextName]
	if !ok {
		return nil // ClientConfig says it better
	}
	user, ok := raw.AuthInfos[context.AuthInfo]
	if !ok {
		return nil
	}
	const remedy = "; a kubeconfig named by a pipeline may not do that: set KUBECONFIG where the runner is started instead"
	switch {
	case user.Exec != nil:
		return fmt.Errorf("user %q starts the program %q%s", context.AuthInfo, user.Exec.Command, remedy)
	case user.AuthProvider != nil:
		return fmt.Errorf("user %q uses the auth provider %q%s", context.AuthInfo, user.AuthProvider.Name, remedy)
	case user.TokenFile != "":
		return fmt.Errorf("user %q reads its token from another file%s", context.AuthInfo, remedy)
	}
	return nil
}
