package operator

import (
	"fmt"
	"net"
	"net/mail"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/notify"
)

type fileTarget struct {
	Name    string       `hcl:"name,label"`
	Webhook *fileWebhook `hcl:"webhook,block"`
	Slack   *fileSlack   `hcl:"slack,block"`
	Email   *fileEmail   `hcl:"email,block"`
	Allow   *fileAllow   `hcl:"allow,block"`
	Range   hcl.Range    `hcl:",def_range"`
}

type fileAllow struct {
	Pipelines  []string  `hcl:"pipelines,optional"`
	Channels   []string  `hcl:"channels,optional"`
	Recipients []string  `hcl:"recipients,optional"`
	Range      hcl.Range `hcl:",def_range"`
}

type fileWebhook struct {
	URL       string    `hcl:"url,optional"`
	URLSecret string    `hcl:"url_secret,optional"`
	CAFile    string    `hcl:"ca_file,optional"`
	Keys      []string  `hcl:"key_secrets,optional"`
	Range     hcl.Range `hcl:",def_range"`
}

type fileSlack struct {
	URL       string    `hcl:"url,optional"`
	URLSecret string    `hcl:"url_secret,optional"`
	CAFile    string    `hcl:"ca_file,optional"`
	Channel   string    `hcl:"channel,optional"`
	Range     hcl.Range `hcl:",def_range"`
}

type fileEmail struct {
	Server   string    `hcl:"server"`
	Security string    `hcl:"security,optional"`
	Username string    `hcl:"username,optional"`
	Password string    `hcl:"password_secret,optional"`
	From     string    `hcl:"from"`
	To       []string  `hcl:"to,optional"`
	CAFile   string    `hcl:"ca_file,optional"`
	Range    hcl.Range `hcl:",def_range"`
}

func (c *Config) takeTargets(in []fileTarget, diags *diag.List) {
	for _, t := range in {
		if c.Target(t.Name) != nil {
			diags.Append(t.Range.Ptr(), "Duplicate target", fmt.Sprintf("There is another target %q.", t.Name))
		}
		out := notify.Target{Name: t.Name}
		given := 0
		if t.Webhook != nil {
			given++
			out.Webhook = t.Webhook.take(diags)
		}
		if t.Slack != nil {
			given++
			out.Slack = t.Slack.take(diags)
		}
		if t.Email != nil {
			given++
			out.Email = t.Email.take(diags)
		}
		if given != 1 {
			diags.Append(t.Range.Ptr(), "One way for each target", "Write one of the blocks webhook, slack and email.")
			continue
		}
		if t.Allow != nil {
			out.Allow = &notify.Allow{Pipelines: t.Allow.Pipelines, Channels: t.Allow.Channels, Recipients: t.Allow.Recipients}
			if out.Slack == nil && len(t.Allow.Channels) > 0 || out.Email == nil && len(t.Allow.Recipients) > 0 {
				diags.Append(t.Allow.Range.Ptr(), "Not for this target", "channels are for slack, and recipients for email.")
			}
		}
		c.Targets = append(c.Targets, out)
		c.own(out.Secrets(), t.Range, diags)
	}
}

// Target is the target of a name, or nil.
func (c *Config) Target(name string) *notify.Target {
	i := slices.IndexFunc(c.Targets, func(t notify.Target) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Targets[i]
}

// own makes secrets the runner's own: no pipeline gets them.
func (c *Config) own(names []string, at hcl.Range, diags *diag.List) {
	for _, name := range names {
		source, ok := c.Secrets[name]
		if !ok {
			if _, ok = c.OwnSecrets[name]; !ok {
				diags.Append(at.Ptr(), fmt.Sprintf("Unknown secret %q", name), "There is no secret of that name in this configuration. Add a block secret that says where its value is.")
			}
			continue
		}
		delete(c.Secrets, name)
		c.OwnSecrets[name] = source
	}
}

func (w *fileWebhook) take(diags *diag.List) *notify.Webhook {
	return &notify.Webhook{Address: address(w.URL, w.URLSecret, w.CAFile, w.Range, diags), Keys: w.Keys}
}

func (s *fileSlack) take(diags *diag.List) *notify.Slack {
	return &notify.Slack{Address: address(s.URL, s.URLSecret, s.CAFile, s.Range, diags), Channel: s.Channel}
}

// address checks where something is sent by HTTP.
func address(url, secret, caFile string, at hcl.Range, diags *diag.List) notify.Address {
	if (url == "") == (secret == "") {
		diags.Append(at.Ptr(), "One address", "Write either url, or url_secret with the name of a secret whose value is the address.")
	}
	if url != "" {
		checkURL(url, at, diags)
	}
	checkCA(caFile, at, diags)
	return notify.Address{URL: url, Secret: secret, CAFile: caFile}
}

func checkURL(url string, at hcl.Range, diags *diag.List) {
	if err := notify.CheckURL(url); err != nil {
		diags.Append(at.Ptr(), "Not an address to send to", fmt.Sprintf("url is refused: %v.", err))
	}
}

func checkCA(file string, at hcl.Range, diags *diag.List) {
	if file != "" && !filepath.IsAbs(file) {
		diags.Append(at.Ptr(), "Path is not absolute", "Write the whole path of ca_file.")
	}
}

func (e *fileEmail) take(diags *diag.List) *notify.Email {
	out := &notify.Email{
		Security: notify.Security(e.Security), Username: e.Username, Password: e.Password, From: e.From, To: e.To, CAFile: e.CAFile,
	}
	if out.Security == "" {
		out.Security = notify.StartTLS
	}
	if !slices.Contains([]notify.Security{notify.StartTLS, notify.ImplicitTLS, notify.NoTLS}, out.Security) {
		diags.Append(e.Range.Ptr(), "Unknown security", fmt.Sprintf("security is %q; write \"starttls\", \"implicit\" or \"none\".", e.Security))
	}
	host, port, err := net.SplitHostPort(e.Server)
	number, notNumber := strconv.ParseUint(port, 10, 16)
	if err != nil || notNumber != nil || host == "" || number == 0 {
		diags.Append(e.Range.Ptr(), "Not a mail server", fmt.Sprintf("server is %q; write host and port, for example \"smtp.example.com:587\".", e.Server))
	}
	out.Host, out.Port = host, int(number)
	if out.Security == notify.NoTLS && !notify.Loopback(host) {
		diags.Append(e.Range.Ptr(), "Mail in clear", "security = \"none\" is for a server on this machine only.")
	}
	if (e.Username == "") != (e.Password == "") {
		diags.Append(e.Range.Ptr(), "Half a login", "Write both username and password_secret, or neither.")
	}
	checkAddresses(append([]string{e.From}, e.To...), e.Range, diags)
	checkCA(e.CAFile, e.Range, diags)
	return out
}

func checkAddresses(addresses []string, at hcl.Range, diags *diag.List) {
	for _, a := range addresses {
		if _, err := mail.ParseAddress(a); err != nil {
			diags.Append(at.Ptr(), "Not a mail address", fmt.Sprintf("%q is none; write for example \"ml@example.com\" or \"Models <ml@example.com>\".", a))
		}
	}
}
