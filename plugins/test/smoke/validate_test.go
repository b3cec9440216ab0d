package smoke_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	list := func(items ...string) cty.Value {
		out := make([]cty.Value, len(items))
		for i, item := range items {
			out[i] = text(item)
		}
		return cty.ListVal(out)
	}
	number := cty.NumberFloatVal
	secret := cty.MapVal(values{"X-Key": text("k").Mark(dynamic.Sensitive)})
	bound := func(metric string, of float64) cty.Value { return cty.MapVal(values{metric: max(of)}) }
	for name, tc := range map[string]struct {
		config values
		want   []string // path: summary
	}{
		"good":                {config: values{"threshold": bound("latency_p99", 20)}},
		"no scheme":           {config: values{"url": text("digits.example.com")}, want: []string{"url: The address cannot be used"}},
		"no HTTP":             {config: values{"url": text("file://host/etc/passwd")}, want: []string{"url: The address is neither http:// nor https://"}},
		"a password":          {config: values{"url": text("https://a:b@digits.example.com")}, want: []string{"url: The address holds a user or a password"}},
		"a fragment":          {config: values{"url": text("https://digits.example.com/#x")}, want: []string{"url: The address has a part after #"}},
		"a port":              {config: values{"url": text("https://digits.example.com:70000/")}, want: []string{"url: The address cannot be used"}},
		"method":              {config: values{"method": text("get it")}, want: []string{`method: "get it" is not a method`}},
		"headers":             {config: values{"headers": cty.MapVal(values{"a b": text("x"), "Content-Length": text("1"), "X-Key": text("a\nb")})}, want: []string{`headers: "a b" is not the name of a header`, "headers: The header Content-Length cannot be set", "headers: The value of the header X-Key cannot be sent"}},
		"a secret in clear":   {config: values{"url": text("http://digits.example.com"), "headers": secret}, want: []string{"headers: A secret would travel in clear"}},
		"a secret on the way": {config: values{"url": text("http://127.0.0.1"), "headers": secret}},
		"bounds": {config: values{"rate": number(0), "duration": text("2h"), "warm_up": text("x"), "timeout": text("0s"), "max_in_flight": number(1.5), "max_body": text("1GiB"), "wait": text("-1s")},
			want: []string{"duration: \"2h\" is not a usable duration", "max_body: \"1GiB\" is not a usable size", "max_in_flight: max_in_flight cannot be 1.5", "rate: A rate of 0 requests a second cannot be kept", "timeout: \"0s\" is not a usable timeout", "wait: \"-1s\" is not a usable wait", "warm_up: \"x\" is not a usable warm up"}},
		"twice":           {config: values{"requests": number(10), "duration": text("1s"), "body": text("x"), "body_files": list("a.json")}, want: []string{"body_files: The bodies are given twice", "requests: It is said twice how long to measure"}},
		"too long":        {config: values{"requests": number(10_000), "rate": number(1)}, want: []string{"requests: 10000 requests take 2h46m40s at 1 a second"}},
		"too much memory": {config: values{"max_body": text("10MiB"), "expect": cty.ObjectVal(values{"contains": text("x")})}, want: []string{"max_body: The answers could take too much memory"}},
		"expect":          {config: values{"expect": cty.ObjectVal(values{"status": list("200", "2x"), "matches": text("(")})}, want: []string{`expect: "2x" is not a status`, "expect: The regular expression cannot be used"}},
		"no such metric":  {config: values{"threshold": bound("latency_p9", 1)}, want: []string{`threshold: There is no metric "latency_p9"`}},
		"no stream":       {config: values{"threshold": bound("first_event_p50", 1)}, want: []string{"threshold: first_event_p50 is measured of streams only"}},
		"too few":         {config: values{"threshold": bound("latency_p999", 1)}, want: []string{"threshold: 100 requests say nothing of latency_p999"}},
		"enough":          {config: values{"threshold": bound("latency_p999", 1), "requests": number(1000)}},
		"files":           {config: values{"body_files": list("../x"), "report_dir": text("/etc"), "tls": cty.ObjectVal(values{"ca_file": text("../ca"), "client_key": text("k")})}, want: []string{`body_files: The file "../x" cannot be used`, "report_dir: The folder of the report cannot be used", "tls: The client's certificate is not whole", `tls: The file "../ca" cannot be used`}},
		"no digest":       {config: values{"artifact": sdk.Artifact{Name: "x"}.Value()}, want: []string{"artifact: The artifact has no digest"}},
		"not known yet":   {config: values{"url": cty.UnknownVal(cty.String), "rate": cty.UnknownVal(cty.Number), "threshold": bound("latency_p999", 1), "headers": cty.UnknownVal(cty.Map(cty.String))}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := values{"url": text("https://digits.example.com/v1")}
			maps.Copy(fields, tc.config)
			var got []string
			for _, d := range start(t).Validate("smoke", cty.ObjectVal(fields)) {
				at, _ := d.Path[0].(sdk.Attr)
				got = append(got, fmt.Sprintf("%s: %s", at, d.Summary))
				if d.Detail == "" || strings.Contains(d.Detail, "a\nb") {
					t.Errorf("%q has the remedy %q", d.Summary, d.Detail)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
