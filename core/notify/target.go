package notify

// Target is a place where messages go. Only the operator defines one: addresses,
// credentials and keys are never a pipeline's. Exactly one of the pointers is
// set.
type Target struct {
	Name    string
	Webhook *Webhook
	Slack   *Slack
	Email   *Email
	// Allow says what pipelines may do with it; nil means nothing.
	Allow *Allow
}

// Allow is what rules of pipelines may do with a target.
type Allow struct {
	Pipelines  []string // patterns of names; empty means all
	Channels   []string // patterns; empty means only the target's own
	Recipients []string // patterns; empty means only the target's own
}

// Address is an address for HTTP, written out or as the name of a secret.
type Address struct {
	URL    string
	Secret string
	// CAFile has further authorities in PEM; empty means those of the system.
	CAFile string
}

// Webhook gets the message as JSON, signed.
type Webhook struct {
	Address
	// Keys are the names of the secrets that sign, all of them, so that a key can
	// be replaced.
	Keys []string
}

// Slack gets text as incoming webhooks of Slack, Mattermost and Rocket.Chat do.
type Slack struct {
	Address
	Channel string // empty means the webhook's own
}

// Security is how a connection to a mail server is secured.
type Security string

// The ways.
const (
	StartTLS    Security = "starttls" // begun in clear, and secured before anything is said
	ImplicitTLS Security = "implicit" // secured from the first byte
	NoTLS       Security = "none"     // to this machine only
)

// Email goes by SMTP.
type Email struct {
	Host     string
	Port     int
	Security Security
	Username string // empty means without
	Password string // the name of a secret
	From     string
	To       []string
	CAFile   string
}

// Kind is what sort of target it is, in a word.
func (t Target) Kind() string {
	switch {
	case t.Webhook != nil:
		return "webhook"
	case t.Slack != nil:
		return "slack"
	default:
		return "email"
	}
}

// Secrets are the names of the secrets that it needs. They are the runner's own:
// no pipeline gets them.
func (t Target) Secrets() []string {
	var out []string
	switch {
	case t.Webhook != nil:
		out = append(out, t.Webhook.Secret)
		out = append(out, t.Webhook.Keys...)
	case t.Slack != nil:
		out = append(out, t.Slack.Secret)
	case t.Email != nil:
		out = append(out, t.Email.Password)
	}
	return named(out)
}

func named(names []string) []string {
	var out []string
	for _, name := range names {
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}
