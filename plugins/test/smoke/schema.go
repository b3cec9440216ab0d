package smoke

import (
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// What holds where the configuration says nothing. The schema's descriptions
// name the same values.
const (
	defaultRate     = 10
	defaultDuration = 10 * time.Second
	defaultTimeout  = 10 * time.Second
	defaultInFlight = 100
	defaultMaxBody  = 1 << 20
)

// Bounds of what a configuration may ask for.
const (
	maxRate     = 10_000
	maxDuration = time.Hour
	maxWarmUp   = 10 * time.Minute
	maxTimeout  = 10 * time.Minute
	maxRequests = 10_000_000
	maxInFlight = 5_000
	maxBody     = 64 << 20
	// maxKept bounds the answers that are held at one time to be looked at.
	maxKept = 256 << 20
)

func attributes() []sdk.Attribute {
	text := func(name, description string) sdk.Attribute {
		return sdk.Attribute{Name: name, Type: cty.String, Description: description}
	}
	number := func(name, description string) sdk.Attribute {
		return sdk.Attribute{Name: name, Type: cty.Number, Description: description}
	}
	return []sdk.Attribute{
		{Name: "url", Type: cty.String, Required: true, Description: "Address that requests are sent to, `http://` or `https://`. Messages show it without its query, and not at all where it is sensitive."},
		text("method", "Method of the requests. Default: `POST` where there are bodies, otherwise `GET`."),
		{Name: "headers", Type: cty.Map(cty.String), Description: "Headers of the requests. They are never shown; take what is secret from `secret(\"…\")`. With a body, `Content-Type` is `application/json` unless it is among them."},
		text("body", "Body of the requests."),
		{Name: "body_files", Type: cty.List(cty.String), Description: "Files of the pipeline's folder, or patterns of them, of which each is one body. They are sent in turn."},
		number("rate", "Requests a second, to 10,000. Default: 10."),
		text("duration", "How long it is measured, to an hour. Default: `\"10s\"`."),
		number("requests", "How many requests are measured, in place of `duration`."),
		text("warm_up", "How long requests are sent before it is measured, under the same load. Default: `\"0s\"`."),
		text("wait", "How long to wait, before anything else, for the first good answer of a server that is starting. Default: `\"0s\"`."),
		text("timeout", "How long one request may take. What takes longer has failed, and counts with that time. Default: `\"10s\"`."),
		number("max_in_flight", "How many requests may be under way, to 5,000. One that is due beyond that is not sent, and has failed. Default: 100."),
		text("max_body", "How long an answer may be, to 64MiB. Of a longer one no more is read, and it has failed. Default: `\"1MiB\"`."),
		{Name: "stream", Type: cty.Bool, Description: "Whether answers are streams of server-sent events, as language models give them. Then the first event and the gaps between events are measured as well, and an answer without an event has failed. Default: false."},
		{Name: "follow_redirects", Type: cty.Bool, Description: "Whether redirects are followed, ten at most, as long as they stay on the server. Default: false, and then a redirect has failed unless `expect` names its status."},
		{Name: "artifact", Type: sdk.ArtifactType(), Description: "The artifact that the endpoint serves. The result becomes an in-toto statement about its digest."},
		text("release", "What this release is called in the report, for example a version."),
		text("report_dir", "Folder inside the pipeline's folder that the report is written to as well, as `smoke.json` and `smoke.html`."),
	}
}

func blocks() []sdk.NestedBlock {
	text := func(name, description string) sdk.Attribute {
		return sdk.Attribute{Name: name, Type: cty.String, Description: description}
	}
	return []sdk.NestedBlock{
		{Name: "expect", Nesting: sdk.NestingSingle, Block: sdk.Block{
			Description: "What a good answer is. What is not good has failed.",
			Attributes: []sdk.Attribute{
				{Name: "status", Type: cty.List(cty.String), Description: "Statuses, such as `\"200\"`, or classes of them, such as `\"2xx\"`. Default: `[\"2xx\"]`."},
				text("contains", "Text that the answer holds."),
				text("matches", "Regular expression (RE2) that the answer matches."),
			},
		}},
		{Name: "tls", Nesting: sdk.NestingSingle, Block: sdk.Block{
			Description: "How the server is known, and how we are. There is no way not to verify a certificate.",
			Attributes: []sdk.Attribute{
				text("ca_file", "PEM certificates of the only authorities to trust; relative to the work folder, or absolute. Default: the system's."),
				text("server_name", "Name that the server's certificate is for. Default: the host of `url`."),
				text("client_certificate", "PEM certificates with which we are known to the server, our own first."),
				{Name: "client_key", Type: cty.String, Sensitive: true, Description: "PEM private key of `client_certificate`, from `secret(\"…\")`."},
			},
		}},
		{Name: "threshold", Nesting: sdk.NestingMap, Label: "Name of the metric.", Block: sdk.Block{
			Description: "Bounds of a metric; times are in milliseconds. Without one on `error_rate`, no request may fail. The metrics are " + described() + ".",
			Attributes: []sdk.Attribute{
				{Name: "min", Type: cty.Number, Description: "Smallest value that is accepted."},
				{Name: "max", Type: cty.Number, Description: "Greatest value that is accepted."},
			},
		}},
	}
}

// described lists the metrics.
func described() string {
	var always, streams []string
	for _, m := range metrics() {
		if m.stream {
			streams = append(streams, "`"+m.name+"`")
		} else {
			always = append(always, "`"+m.name+"`")
		}
	}
	return fmt.Sprintf("%s, and with `stream` %s", strings.Join(always, ", "), strings.Join(streams, ", "))
}
