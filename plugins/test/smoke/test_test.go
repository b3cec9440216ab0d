package smoke_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/plugins/test/smoke"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/proto"
)

type values = map[string]cty.Value

var text = cty.StringVal

func start(t *testing.T) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "test", Version: "0.1.0", Testers: []sdk.Tester{smoke.Component{}}})
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// config is twenty quick requests.
func config(url string, more values) cty.Value {
	fields := values{"url": text(url), "rate": cty.NumberIntVal(500), "requests": cty.NumberIntVal(20)}
	maps.Copy(fields, more)
	return cty.ObjectVal(fields)
}

func max(of float64) cty.Value {
	return cty.ObjectVal(values{"max": cty.NumberFloatVal(of)})
}

func artifact() sdk.Artifact {
	return sdk.Artifact{Name: "digits", Digest: "sha256:" + strings.Repeat("ab", 32), MediaType: "x/y", Size: 1}
}

// A good endpoint passes; the result is stated, kept, and written.
func TestPass(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"label": 7}`) })
	h, dir := start(t), t.TempDir()
	got := h.Test("smoke", config(url+"/v1", values{
		"artifact": artifact().Value(), "release": text("1.7"), "report_dir": text("out"),
		"expect":    cty.ObjectVal(values{"contains": text("label"), "matches": text(`\d}$`), "status": cty.ListVal([]cty.Value{text("200")})}),
		"threshold": cty.MapVal(values{"latency_p90": max(60_000)}),
	}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	if got.Outputs.GetAttr("verdict").AsString() != "PASS" || !strings.Contains(string(got.Stdout), "20 of 20 answers were good") {
		t.Error(got)
	}
	metrics := got.Outputs.GetAttr("metrics").AsValueMap()
	if f, _ := metrics["error_rate"].AsBigFloat().Float64(); f != 0 || metrics["latency_p90"] == cty.NilVal {
		t.Errorf("metrics %v", metrics)
	}
	if _, ok := metrics["latency_p99"]; ok {
		t.Error("20 requests have no 99th percentile")
	}
	kept, ok := h.Store.Blob(sdk.ArtifactOf(got.Outputs.GetAttr("report")).Digest)
	written, err := os.ReadFile(filepath.Join(dir, "out", "smoke.json"))
	if !ok || err != nil || !bytes.Equal(kept, written) {
		t.Errorf("the report is not kept: %v", err)
	}
	r, err := report.Read(kept)
	if err != nil || r.Verdict != "PASS" || r.Target != url+"/v1" || len(r.Curves) != 1 || r.Artifact.Digest != artifact().Digest {
		t.Errorf("%v, report %+v", err, r)
	}
	page, err := os.ReadFile(filepath.Join(dir, "out", "smoke.html"))
	if err != nil || !strings.Contains(string(page), "<polyline") || !strings.Contains(string(page), "requests to "+url+"/v1") {
		t.Errorf("%v, page %s", err, page)
	}
	statement(t, got, "PASSED")
	thresholds := got.Result.GetReport().GetThresholds()
	if len(thresholds) != 2 || !thresholds[0].GetMet() || !thresholds[1].GetMet() {
		t.Errorf("the gate is told %v", thresholds)
	}
}

// statement is what was stated about the artifact.
func statement(t *testing.T, got plugintest.Outcome, result string) {
	t.Helper()
	for _, e := range got.Events {
		a := e.GetAttestation()
		if a == nil {
			continue
		}
		var s struct {
			Subject   []struct{ Digest map[string]string }
			Predicate struct{ Result string }
		}
		if err := json.Unmarshal(a.GetStatement(), &s); err != nil {
			t.Fatal(err)
		}
		if s.Predicate.Result != result || "sha256:"+s.Subject[0].Digest["sha256"] != artifact().Digest {
			t.Errorf("stated %s", a.GetStatement())
		}
		return
	}
	t.Error("nothing was stated")
}

func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 4096))
				answer(conn)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// Whatever an endpoint does, the verdict says it.
func TestFail(t *testing.T) {
	t.Parallel()
	var turn atomic.Int64
	hold := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, tc := range map[string]struct {
		url            string
		more           values
		class, summary string
		detail         string
	}{
		"hangs": {
			url: serve(t, hold), more: values{"timeout": text("50ms")}, class: "endpoint_failed",
			summary: "None of 20 requests to URL got a good answer: no whole answer within 50ms", detail: "20 × no whole answer",
		},
		"hangs with all connections": {
			url: serve(t, hold), more: values{"timeout": text("5s"), "max_in_flight": cty.NumberIntVal(2)}, class: "endpoint_failed",
			detail: "18 × not sent, because 2 others were under way (max_in_flight)",
		},
		"resets": {
			url: raw(t, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }), class: "endpoint_failed", detail: "20 × connection reset",
		},
		"garbage": {url: raw(t, func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-x\r\n") }), class: "endpoint_failed", detail: "20 × the answer is no HTTP"},
		"a gigabyte": {
			url: serve(t, func(w http.ResponseWriter, _ *http.Request) {
				chunk := make([]byte, 1<<20)
				for range 1 << 10 {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			}), class: "endpoint_failed", detail: "20 × the answer is longer than 1.0 MiB\nRaise max_body if such answers are right.",
		},
		"a loop": {
			url:  serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }),
			more: values{"follow_redirects": cty.True}, class: "endpoint_failed", detail: "20 × more than 10 redirects",
		},
		"an unknown authority": {url: tlsServer(t).URL, class: "endpoint_failed", detail: "Name the authority's certificate with ca_file"},
		"half of it": {
			url: serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if turn.Add(1)%2 == 0 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}),
			more:  values{"threshold": cty.MapVal(values{"error_rate": max(0.49)})},
			class: "threshold_missed", summary: "The threshold on error_rate is missed", detail: "10 × status 503",
		},
		"slow": {
			url: serve(t, func(http.ResponseWriter, *http.Request) {}), more: values{"threshold": cty.MapVal(values{"latency_p50": max(0.0001)})},
			class: "threshold_missed", summary: "The threshold on latency_p50 is missed",
		},
		"too few for a percentile": {
			// All fail at once, which is within the budget, so that no time was measured.
			url:   raw(t, func(net.Conn) {}),
			more:  values{"threshold": cty.MapVal(values{"error_rate": max(1), "latency_p90": max(1000)})},
			class: "endpoint_failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more := values{"artifact": artifact().Value()}
			maps.Copy(more, tc.more)
			got := start(t).Test("smoke", config(tc.url, more))
			f := got.Failure()
			if got.Result.GetOutcome() != pluginv1.Outcome_OUTCOME_FAILED || f.GetClass() != tc.class || f.GetTransient() ||
				!strings.Contains(f.GetSummary(), strings.ReplaceAll(tc.summary, "URL", tc.url)) || !strings.Contains(f.GetDetail(), tc.detail) {
				t.Error(got)
			}
			statement(t, got, "FAILED")
			met := true
			for _, threshold := range got.Result.GetReport().GetThresholds() {
				met = met && threshold.GetMet()
			}
			if met {
				t.Error("the gate is told that all thresholds are met")
			}
		})
	}
}

// An error budget is a threshold.
func TestErrorBudget(t *testing.T) {
	t.Parallel()
	var turn atomic.Int64
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if turn.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	got := start(t).Test("smoke", config(url, values{"threshold": cty.MapVal(values{"error_rate": max(0.5)})}))
	if !got.Succeeded() || !strings.Contains(string(got.Stdout), "10 × status 503") {
		t.Error(got)
	}
}

// What is secret is in no event and no blob, whatever the server does with it.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse"
	var mu sync.Mutex
	var seen []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		content, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Header.Get("Authorization")+r.URL.RawQuery+string(content))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, r.Header, r.URL, string(content))
	})
	h := start(t)
	got := h.Test("smoke", config(url+"/v1?key="+secret, values{
		"headers": cty.MapVal(values{"Authorization": text("Bearer " + secret).Mark(dynamic.Sensitive)}), "body": text(secret),
	}))
	shown := got.String()
	for _, e := range got.Events {
		raw, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		shown += string(raw)
	}
	for _, name := range []string{"report", "page"} {
		blob, _ := h.Store.Blob(sdk.ArtifactOf(got.Outputs.GetAttr(name)).Digest)
		shown += string(blob)
	}
	if len(seen) != 20 || seen[0] != "Bearer "+secret+"key="+secret+secret {
		t.Errorf("the server saw %q", seen)
	}
	if strings.Contains(shown, secret) || got.Failure().GetClass() != "endpoint_failed" {
		t.Errorf("shown: %s", shown)
	}
	got = h.Test("smoke", cty.ObjectVal(values{"url": text(url + "/" + secret).Mark(dynamic.Sensitive), "requests": cty.NumberIntVal(1)}))
	if strings.Contains(got.String(), secret) || !strings.Contains(got.Failure().GetSummary(), "the endpoint, whose address is secret") {
		t.Error(got)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"a.json": "1", "b.json": "2", "c.txt": "3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	seen := make(map[string]int)
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen[r.Method+" "+r.Header.Get("Content-Type")+" "+string(content)]++
	})
	files := func(names ...string) cty.Value {
		list := make([]cty.Value, len(names))
		for i, name := range names {
			list[i] = text(name)
		}
		return cty.ListVal(list)
	}
	h := start(t)
	got := h.Test("smoke", config(url, values{"body_files": files("*.json")}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() || seen["POST application/json 1"] != 10 || seen["POST application/json 2"] != 10 {
		t.Errorf("%s, seen %v", got, seen)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "out.json")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"missing.json", "out.json"} {
		got := h.Test("smoke", config(url, values{"body_files": files(name)}), plugintest.Options{WorkDir: dir})
		if f := got.Failure(); f.GetClass() != "body_unreadable" || !strings.Contains(f.GetSummary(), name) {
			t.Error(got)
		}
	}
}

func tlsServer(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestPrivateAuthority(t *testing.T) {
	t.Parallel()
	server, dir := tlsServer(t), t.TempDir()
	var known atomic.Int64
	server.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { known.Add(int64(len(r.TLS.PeerCertificates))) })
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, content := range map[string][]byte{"ca.crt": ca, "none.crt": []byte("x")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := start(t)
	test := func(block values) plugintest.Outcome {
		return h.Test("smoke", config(server.URL, values{"tls": cty.ObjectVal(block)}), plugintest.Options{WorkDir: dir})
	}
	for _, name := range []string{"ca.crt", filepath.Join(dir, "ca.crt")} {
		if got := test(values{"ca_file": text(name)}); !got.Succeeded() {
			t.Error(got)
		}
	}
	if got := test(values{"ca_file": text("ca.crt"), "server_name": text("digits.other")}); !strings.Contains(got.Failure().GetDetail(), "Set server_name") {
		t.Error(got)
	}
	if got := test(values{"ca_file": text("none.crt")}); got.Failure().GetClass() != "tls_invalid" || !strings.Contains(got.Failure().GetSummary(), "no certificate in PEM") {
		t.Error(got)
	}
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.TLS.Certificates[0].Certificate[0]})
	der, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	got := test(values{"ca_file": text("ca.crt"), "client_certificate": text(string(own)), "client_key": text(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))})
	if !got.Succeeded() || known.Load() != 20 {
		t.Errorf("%s, known in %d requests", got, known.Load())
	}
	got = test(values{"client_certificate": text("a-certificate"), "client_key": text("a-private-key")})
	if got.Failure().GetClass() != "tls_invalid" || strings.Contains(got.String(), "a-private-key") {
		t.Error(got)
	}
}

// A server that is starting is waited for, and not for ever.
func TestWait(t *testing.T) {
	t.Parallel()
	var turn atomic.Int64
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if turn.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	h := start(t)
	got := h.Test("smoke", config(url, values{"wait": text("10m")}))
	if !got.Succeeded() || strings.Count(string(got.Stdout), "waiting for "+url+": status 503\n") != 1 || turn.Load() != 23 {
		t.Errorf("%s, %d requests", got, turn.Load())
	}
	turn.Store(-1 << 40)
	got = h.Test("smoke", config(url, values{"wait": text("2s")}))
	if f := got.Failure(); f.GetClass() != "endpoint_not_ready" || !f.GetTransient() || f.GetSummary() != url+" gave no good answer within 2s: status 503" {
		t.Error(got)
	}
	hold := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if got = h.Test("smoke", config(hold, values{"wait": text("50ms")})); got.Failure().GetSummary() != hold+" gave no good answer within 50ms: no whole answer" {
		t.Error(got)
	}
}

// A cancelled stage leaves no request under way.
func TestCancel(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]values{"load": {}, "wait": {"wait": text("10m")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			var open sync.WaitGroup
			url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				open.Add(1)
				defer open.Done()
				cancel(errors.New("enough"))
				<-r.Context().Done()
			})
			got := start(t).Test("smoke", config(url, more), plugintest.Options{Context: ctx})
			if got.Succeeded() {
				t.Error(got)
			}
			open.Wait()
		})
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
		}
	})
	got := start(t).Test("smoke", config(url, values{"stream": cty.True, "threshold": cty.MapVal(values{"first_event_p90": max(60_000), "event_gap_p50": max(60_000)})}))
	if !got.Succeeded() || got.Outputs.GetAttr("metrics").AsValueMap()["event_rate"] == cty.NilVal {
		t.Error(got)
	}
}
