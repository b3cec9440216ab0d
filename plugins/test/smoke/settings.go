package smoke

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/test/bounds"
	"github.com/stagegate/stagegate/plugins/test/endpoint"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/load"
	"github.com/stagegate/stagegate/sdk"
	"golang.org/x/net/http/httpguts"
)

// settings is what a configuration asks for, as far as it is known.
type settings struct {
	target     endpoint.Target // without what is in files
	shown      string          // the address, for people
	plan       load.Plan
	wait       time.Duration
	thresholds []judge.Threshold
}

// settingsOf reads a configuration.
func settingsOf(c sdk.Config) (settings, sdk.Diagnostics) {
	r := reader{c: c}
	var s settings
	s.target.URL, s.shown = r.address()
	s.target.Method = r.method()
	s.target.Header = r.headers(s.target.URL)
	s.target.Timeout = r.duration("timeout", defaultTimeout, 10*time.Millisecond, maxTimeout)
	s.target.Events, s.target.Redirects = c.Bool("stream"), c.Bool("follow_redirects")
	s.target.MaxBody = r.size("max_body", defaultMaxBody, maxBody)
	s.target.Expect = r.expect()
	s.wait = r.duration("wait", 0, 0, maxDuration)
	s.plan = r.plan()
	s.target.Connections = s.plan.InFlight
	if looks := s.target.Expect; (looks.Contains != "" || looks.Matches != nil) && s.target.MaxBody*int64(s.plan.InFlight) > maxKept {
		r.found.AddError(sdk.At(sdk.Attr("max_body")), "The answers could take too much memory",
			fmt.Sprintf("expect looks into answers, so that each is held while it arrives: max_body times max_in_flight must not be more than %d MiB. Lower one of them.", maxKept>>20))
	}
	s.thresholds = r.thresholds(s.plan)
	return s, r.found
}

// reader reads arguments, and notes what is wrong with them.
type reader struct {
	c     sdk.Config
	found sdk.Diagnostics
}

func (r *reader) wrong(name, summary, detail string) {
	r.found.AddError(sdk.At(sdk.Attr(name)), summary, detail)
}

// address is the URL, and how people see it.
func (r *reader) address() (string, string) {
	if !r.c.Set("url") {
		return "", ""
	}
	u, err := url.Parse(r.c.String("url"))
	const form = `Write scheme, host and path, for example "https://digits.example.com/v1/predict".`
	secret := r.c.Get("url").IsMarked()
	port, number := "", uint64(1)
	if err == nil {
		if port = u.Port(); port != "" {
			number, err = strconv.ParseUint(port, 10, 16)
		}
	}
	switch {
	case err != nil || u.Hostname() == "" || number == 0:
		r.wrong("url", "The address cannot be used", form)
	case u.Scheme != "http" && u.Scheme != "https":
		r.wrong("url", "The address is neither http:// nor https://", form)
	case u.User != nil:
		r.wrong("url", "The address holds a user or a password", `Give them in a header, for example headers = { Authorization = secret("endpoint") }.`)
	case u.Fragment != "":
		r.wrong("url", "The address has a part after #", "No server ever sees that part. Remove it.")
	case secret:
		return u.String(), "the endpoint, whose address is secret"
	default:
		return u.String(), u.Scheme + "://" + u.Host + u.EscapedPath()
	}
	return "", ""
}

func (r *reader) method() string {
	m := r.c.String("method")
	if r.c.Set("method") && (!httpguts.ValidHeaderFieldName(m) || m != strings.ToUpper(m) || m == http.MethodConnect) {
		r.wrong("method", fmt.Sprintf("%q is not a method", m), `Write one such as "GET" or "POST".`)
	}
	if r.c.Set("body") || r.c.Set("body_files") {
		return cmp.Or(m, http.MethodPost)
	}
	return cmp.Or(m, http.MethodGet)
}

// ours are the headers that belong to the connection and not to the request.
func ours() []string {
	return []string{"Connection", "Content-Length", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}
}

func (r *reader) headers(address string) http.Header {
	header := http.Header{"User-Agent": {"stagegate/" + sdk.Version}}
	if r.c.Set("body") || r.c.Set("body_files") {
		header.Set("Content-Type", "application/json")
	}
	given := r.c.StringMap("headers")
	for _, name := range slices.Sorted(maps.Keys(given)) {
		at := sdk.At(sdk.Attr("headers"), sdk.Key(name))
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			r.found.AddError(at, fmt.Sprintf("%q is not the name of a header", name), "A name has no spaces, colons or other signs, for example X-Api-Key.")
		case slices.Contains(ours(), http.CanonicalHeaderKey(name)):
			r.found.AddError(at, fmt.Sprintf("The header %s cannot be set", name), "It belongs to the connection and not to the request.")
		case !httpguts.ValidHeaderFieldValue(given[name]):
			// The value may be secret.
			r.found.AddError(at, fmt.Sprintf("The value of the header %s cannot be sent", name), "It holds a line break or another control character, perhaps at the end of a file that it was read from: trimspace(…) removes that.")
		default:
			header.Set(name, given[name])
		}
	}
	r.clear(address)
	return header
}

// clear warns where a secret would travel for all to read.
func (r *reader) clear(address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Hostname() == "localhost" {
		return
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return
	}
	for _, name := range []string{"headers", "body"} {
		if _, marks := r.c.Get(name).UnmarkDeep(); len(marks) > 0 {
			r.found.AddWarning(sdk.At(sdk.Attr(name)), "A secret would travel in clear", "The address begins with http://, so that everybody on the way can read what is sent. Use https://.")
			return
		}
	}
}

func (r *reader) expect() endpoint.Expect {
	b, ok := r.c.Block("expect")
	if !ok {
		return endpoint.Expect{}
	}
	e := endpoint.Expect{Status: b.Strings("status"), Contains: b.String("contains")}
	for i, status := range e.Status {
		if !endpoint.ValidStatus(status) {
			r.found.AddError(sdk.At(sdk.Attr("expect"), sdk.Attr("status"), sdk.Index(i)), fmt.Sprintf("%q is not a status", status), `Write one such as "200", or a class such as "2xx".`)
		}
	}
	if b.Set("matches") {
		var err error
		if e.Matches, err = regexp.Compile(b.String("matches")); err != nil {
			r.found.AddError(sdk.At(sdk.Attr("expect"), sdk.Attr("matches")), "The regular expression cannot be used", err.Error()+". The syntax is RE2's.")
		}
	}
	return e
}

// thresholds are those of the configuration, and that on failures.
func (r *reader) thresholds(plan load.Plan) []judge.Threshold {
	found, diags := bounds.Thresholds(r.c)
	r.found = append(r.found, diags...)
	known := make(map[string]metric)
	for _, m := range metrics() {
		known[m.name] = m
	}
	budget := -1
	for i, t := range found {
		at := sdk.At(sdk.Attr("threshold"), sdk.Key(t.Metric))
		m, ok := known[t.Metric]
		switch {
		case !ok:
			r.found.AddError(at, fmt.Sprintf("There is no metric %q", t.Metric), "The metrics are "+strings.ReplaceAll(described(), "`", "")+".")
		case m.stream && r.c.Known("stream") && !r.c.Bool("stream"):
			r.found.AddError(at, fmt.Sprintf("%s is measured of streams only", t.Metric), "Set stream = true if the answers are server-sent events.")
		case plan.Rate > 0 && plan.Expected() < m.needs():
			r.found.AddError(at, fmt.Sprintf("%d requests say nothing of %s", plan.Expected(), t.Metric),
				fmt.Sprintf("It takes at least %d requests, so that one of them lies beyond it. Measure longer, or ask for a lower percentile.", m.needs()))
		}
		if t.Metric == errorRate {
			budget = i
		}
	}
	none := 0.0
	if budget < 0 {
		return append(found, judge.Threshold{Metric: errorRate, Max: &none})
	}
	if found[budget].Max == nil {
		found[budget].Max = &none
	}
	return found
}
