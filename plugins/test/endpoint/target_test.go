package endpoint_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stagegate/stagegate/plugins/test/endpoint"
	"github.com/stagegate/stagegate/plugins/test/load"
)

// target is what most tests ask for.
func target(url string) endpoint.Target {
	return endpoint.Target{Method: http.MethodGet, URL: url, Timeout: 30 * time.Second, MaxBody: 1 << 20, Connections: 4}
}

func send(t *testing.T, to endpoint.Target) load.Outcome {
	t.Helper()
	s := endpoint.New(to)
	defer s.Close()
	return s.Send(t.Context(), 0)
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

// raw answers each connection with bytes, whatever is asked.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 4096))
				answer(conn)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

func text(answer string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, answer) }
}

func body(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// Whatever a server does, there is one reason for it, and it is always the same.
func TestReasons(t *testing.T) {
	t.Parallel()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	for name, tc := range map[string]struct {
		url    string
		change func(*endpoint.Target)
		want   string
	}{
		"good":     {url: serve(t, body("fine")), want: ""},
		"refused":  {url: "http://" + nobody.Addr().String(), want: "connection refused"},
		"ended":    {url: raw(t, text("")), want: "the connection ended before the answer"},
		"cut":      {url: raw(t, text("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")), want: "the connection ended before the answer"},
		"garbage":  {url: raw(t, text("\x00\x01\x02 hello\r\n\r\n")), want: "the answer is no HTTP"},
		"chunks":   {url: raw(t, text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")), want: "the answer is no HTTP"},
		"header":   {url: raw(t, func(c net.Conn) { endless(c, "HTTP/1.1 200 OK\r\nX: ", "x") }), want: "the header of the answer is longer than 256 KiB"},
		"endless":  {url: serve(t, func(w http.ResponseWriter, _ *http.Request) { endless(w, "", "x") }), want: "the answer is longer than 1.0 MiB"},
		"no TLS":   {url: strings.Replace(serve(t, body("")), "http:", "https:", 1), want: "the server does not speak TLS"},
		"error":    {url: serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }), want: "status 503"},
		"redirect": {url: serve(t, redirect("https://elsewhere.example/x?token=1")), want: "status 302, a redirect to elsewhere.example"},
		"elsewhere": {url: serve(t, redirect("http://127.0.0.1:1/x?token=1")), change: follow,
			want: "a redirect to another server, http://127.0.0.1:1"},
		"loop":   {url: serve(t, redirect("/again")), change: follow, want: "more than 10 redirects"},
		"status": {url: serve(t, body("")), change: func(t *endpoint.Target) { t.Expect.Status = []string{"204", "3xx"} }, want: "status 200"},
		"contains": {url: serve(t, body("fine")), change: func(t *endpoint.Target) { t.Expect.Contains = "better" },
			want: "the answer does not contain what is expected"},
		"matches": {url: serve(t, body("fine")), change: func(t *endpoint.Target) { t.Expect.Matches = regexp.MustCompile("^bad") },
			want: "the answer does not match what is expected"},
		"no events": {url: serve(t, body("fine")), change: func(t *endpoint.Target) { t.Events = true }, want: "the answer holds no event"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := target(tc.url)
			if tc.change != nil {
				tc.change(&to)
			}
			for range 2 {
				if got := send(t, to); got.Reason != tc.want || got.TimedOut || got.Took <= 0 {
					t.Errorf("%+v, want %q", got, tc.want)
				}
			}
		})
	}
}

func follow(t *endpoint.Target) { t.Redirects = true }

// endless writes until nobody reads.
func endless(w io.Writer, begin, again string) {
	_, err := io.WriteString(w, begin)
	chunk := strings.Repeat(again, 64<<10)
	for err == nil {
		_, err = io.WriteString(w, chunk)
	}
}

// However much a server sends, no more is read than may be.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	done := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(done)
		w.Header().Set("Content-Length", fmt.Sprint(1<<30))
		chunk := make([]byte, 64<<10)
		for range 1 << 30 / len(chunk) {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	got := send(t, target(url))
	<-done
	// What is under way is in the buffers of two sockets.
	if got.Bytes > 1<<20+16<<10 || sent.Load() > 64<<20 {
		t.Errorf("%d bytes read, %d sent", got.Bytes, sent.Load())
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	hold := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	half := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	for name, url := range map[string]string{
		"no answer": serve(t, hold), "half an answer": serve(t, half), "no handshake": strings.Replace(raw(t, silent), "http:", "https:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := target(url)
			to.Timeout = 50 * time.Millisecond
			if got := send(t, to); got.Reason != "no whole answer within 50ms" || !got.TimedOut || got.Took < to.Timeout {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel(errors.New("enough"))
		<-r.Context().Done()
	})
	s := endpoint.New(target(url))
	defer s.Close()
	if got := s.Send(ctx, 0); got.Reason != "broken off" || got.TimedOut {
		t.Errorf("%+v", got)
	}
}

// What is sent is what was asked for, body by body.
func TestRequests(t *testing.T) {
	t.Parallel()
	var seen []string
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		seen = append(seen, fmt.Sprintf("%s %s %s %s %s %q", r.Method, r.URL, r.Host, r.Header.Get("X-Key"), text, r.Header["Accept-Encoding"]))
	})
	to := target(url + "/v1?x=1")
	to.Method, to.Bodies = http.MethodPost, [][]byte{[]byte("a"), []byte("b")}
	to.Header = http.Header{"X-Key": {"k"}, "Host": {"digits.example"}}
	s := endpoint.New(to)
	defer s.Close()
	for n := range int64(3) {
		if got := s.Send(t.Context(), n); got.Reason != "" {
			t.Error(got)
		}
	}
	want := []string{`POST /v1?x=1 digits.example k a []`, `POST /v1?x=1 digits.example k b []`, `POST /v1?x=1 digits.example k a []`}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("got %q", seen)
	}
	if to.Header.Get("Host") == "" {
		t.Error("the header was changed")
	}
}

// An environment that names a proxy is none of the pipeline's.
func TestNoProxy(t *testing.T) {
	var asked atomic.Bool
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { asked.Store(true) })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy)
	}
	if got := send(t, target("http://nowhere.invalid")); got.Reason == "" || asked.Load() {
		t.Errorf("%+v, the proxy was asked: %t", got, asked.Load())
	}
}

func TestRedirectsOnTheServer(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/there" {
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
			return
		}
		text, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, " ", string(text))
	})
	to := target(url)
	to.Method, to.Bodies, to.Redirects, to.Expect.Contains = http.MethodPost, [][]byte{[]byte("hello")}, true, "POST hello"
	if got := send(t, to); got.Reason != "" {
		t.Errorf("%+v", got)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(body("fine"))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	for name, tc := range map[string]struct {
		config *tls.Config
		want   string
	}{
		"private authority": {&tls.Config{RootCAs: pool}, ""},
		"unknown authority": {&tls.Config{}, "the server's certificate is signed by an authority that is not trusted"},
		"another name":      {&tls.Config{RootCAs: pool, ServerName: "digits.other"}, "the server's certificate is for another name"},
		"expired": {&tls.Config{RootCAs: pool, Time: func() time.Time { return time.Now().AddDate(200, 0, 0) }},
			"the server's certificate has expired, or is not valid yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := target(server.URL)
			to.TLS = tc.config
			if got := send(t, to); got.Reason != tc.want {
				t.Errorf("%+v, want %q", got, tc.want)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range []string{"data: {\"a\": 1}\n\n", ": comment\n\ndata:" + strings.Repeat("x", 100_000) + "\r\n\r\n", "event: done\ndata: last\n\ndata: [DONE]\n\n"} {
			fmt.Fprint(w, line)
			_ = http.NewResponseController(w).Flush()
		}
	})
	to := target(url)
	to.Events = true
	got := send(t, to)
	if got.Reason != "" || got.Events != 3 || got.FirstEvent <= 0 || got.Took < got.FirstEvent+2*got.Gap {
		t.Errorf("%+v", got)
	}
}
