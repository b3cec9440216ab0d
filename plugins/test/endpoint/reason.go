package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
)

// reason says why a request failed. The same mistake always has the same words,
// so that they can be counted; what a server or a secret could put into them is
// left out.
func reason(ctx context.Context, err error, timeout time.Duration) string {
	if late(ctx, err) {
		return fmt.Sprintf("no whole answer within %s", timeout)
	}
	if ctx.Err() != nil {
		return "broken off"
	}
	if f, ok := errors.AsType[fault](err); ok {
		return string(f)
	}
	if text := security(err); text != "" {
		return text
	}
	if text := network(err); text != "" {
		return text
	}
	return words(err)
}

// late reports whether the time was up, for the request or for the connection
// that it waited for.
func late(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return errors.Is(context.Cause(ctx), errTimeout)
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// words are what the HTTP client says, without what is different each time.
func words(err error) string {
	// The address can hold what nobody may see.
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	if strings.Contains(text, "response headers exceeded") {
		return fmt.Sprintf("the header of the answer is longer than %s", humanize.IBytes(maxHeader))
	}
	if strings.Contains(text, "malformed") || strings.Contains(text, "invalid byte in chunk") || strings.Contains(text, "too many transfer encodings") {
		return "the answer is no HTTP"
	}
	return fmt.Sprintf("%.120q", regexp.MustCompile(`(ID[ =])\d+`).ReplaceAllString(text, "${1}…"))
}

func security(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return untrusted
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return misnamed
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return "the server's certificate has expired, or is not valid yet"
		}
		return "the server's certificate is not valid"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return noTLS
	}
	if e, ok := errors.AsType[tls.AlertError](err); ok {
		return "the server ended the TLS handshake: " + e.Error()
	}
	return ""
}

func network(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		if e.IsNotFound {
			return "no such host"
		}
		return "the host name could not be looked up"
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no way to the host"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.EADDRNOTAVAIL):
		return exhausted
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection ended before the answer"
	}
	return ""
}
