package endpoint

import "strings"

// Reasons that the user can do something about.
const (
	untrusted = "the server's certificate is signed by an authority that is not trusted"
	misnamed  = "the server's certificate is for another name"
	noTLS     = "the server does not speak TLS"
	exhausted = "this machine has no more connections to give"
	tooLong   = "the answer is longer than "
	elsewhere = "a redirect to another server, "
)

// Remedy is what to do about a reason; empty where that is for the server's
// people to say.
func Remedy(reason string) string {
	switch {
	case reason == untrusted:
		return "Name the authority's certificate with ca_file in a tls block."
	case reason == misnamed:
		return "Set server_name in a tls block to a name that the certificate has, if this is the right server."
	case reason == noTLS:
		return "Is the port the right one? A server without TLS has an address that begins with http://."
	case reason == exhausted:
		return "Lower max_in_flight, or raise the limit of open files (ulimit -n)."
	case strings.HasPrefix(reason, tooLong):
		return "Raise max_body if such answers are right."
	case strings.HasPrefix(reason, elsewhere):
		return "Requests go to no server but the one that the pipeline names. Name the other one if it is meant."
	case strings.Contains(reason, ", a redirect"):
		return "Give the address that the redirect leads to, or set follow_redirects where it stays on the server."
	}
	return ""
}
