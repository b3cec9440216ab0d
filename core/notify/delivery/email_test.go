package delivery_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stagegate/stagegate/core/notify"
)

// mailbox is a real SMTP server that keeps what it gets.
type mailbox struct {
	host   string
	port   int
	caFile string

	mu    sync.Mutex
	mails []received
	fault error // that it answers to DATA with
}

type received struct {
	login, from string
	to          []string
	data        string
}

// newMailbox serves SMTP; implicit means TLS from the first byte.
func newMailbox(t *testing.T, implicit bool) *mailbox {
	t.Helper()
	p := newPlace(t) // for its certificate, which is for 127.0.0.1
	m := &mailbox{caFile: p.caFile}
	server := smtp.NewServer(m)
	server.TLSConfig = &tls.Config{Certificates: p.TLS.Certificates, MinVersion: tls.VersionTLS12}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.host, m.port = "127.0.0.1", at.Addr().(*net.TCPAddr).Port
	if implicit {
		at = tls.NewListener(at, server.TLSConfig)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(at) }) // it ends with Close
	t.Cleanup(func() {
		_ = server.Close()
		_ = at.Close() // the server may not have begun with it
		serving.Wait()
	})
	return m
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{box: m}, nil }

func (m *mailbox) got() []received {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]received(nil), m.mails...)
}

type session struct {
	box *mailbox
	received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if password != "pass-word" {
			return &smtp.SMTPError{Code: 535, Message: "wrong password"}
		}
		s.login = username
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	if s.box.fault != nil {
		return s.box.fault
	}
	s.data = string(data)
	s.box.mails = append(s.box.mails, s.received)
	return nil
}

func (s *session) Reset()        { s.received = received{login: s.login} }
func (s *session) Logout() error { return nil }

func (m *mailbox) target(security notify.Security) *notify.Target {
	return &notify.Target{Name: "mail", Email: &notify.Email{
		Host: m.host, Port: m.port, Security: security, Username: "stagegate", Password: "password",
		From: "Stagegate <stagegate@example.com>", To: []string{"ml@example.com", "Ops <ops@example.com>"}, CAFile: m.caFile,
	}}
}

func TestMail(t *testing.T) {
	t.Parallel()
	for _, security := range []notify.Security{notify.StartTLS, notify.ImplicitTLS} {
		t.Run(string(security), func(t *testing.T) {
			t.Parallel()
			box := newMailbox(t, security == notify.ImplicitTLS)
			l := letter(t, notify.Rule{Target: "mail"})
			if err := courier(box.target(security), nil, 0).Send(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			mails := box.got()
			if len(mails) != 1 {
				t.Fatalf("%d mails came", len(mails))
			}
			m := mails[0]
			if m.login != "stagegate" || m.from != "stagegate@example.com" || strings.Join(m.to, " ") != "ml@example.com ops@example.com" {
				t.Errorf("it came from %s as %s to %v", m.from, m.login, m.to)
			}
			checkMail(t, m.data, l)
		})
	}
}

// checkMail looks at the mail as a reader does: no header is one of the
// pipeline's making.
func checkMail(t *testing.T, data string, l *notify.Letter) {
	t.Helper()
	msg, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	h := msg.Header
	if h.Get("Bcc") != "" || h.Get("Message-Id") != "<"+l.Key+"@stagegate>" || h.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("the headers are %v", h)
	}
	if got := h.Get("Subject"); got != "[stagegate] digits failed on main (0123456789ab)" {
		t.Errorf("the subject is %q", got)
	}
	body, err := io.ReadAll(msg.Body)
	if err != nil || !strings.Contains(string(body), "runner show 20261126-115900-abcd") {
		t.Errorf("the body is %v %s", err, body)
	}
}

// A subject cannot begin another header, whatever is in it.
func TestMailIsNotInjected(t *testing.T) {
	t.Parallel()
	box := newMailbox(t, false)
	l := letter(t, notify.Rule{Target: "mail"})
	l.Message.Summary = "a\r\nBcc: everybody@example.com\r\n\r\nbody"
	if err := courier(box.target(notify.StartTLS), nil, 0).Send(t.Context(), l); err != nil {
		return // refusing it is as good
	}
	msg, err := mail.ReadMessage(strings.NewReader(box.got()[0].data))
	if err != nil {
		t.Fatal(err)
	}
	if msg.Header.Get("Bcc") != "" || len(box.got()[0].to) != 2 {
		t.Errorf("the mail has %v and went to %v", msg.Header, box.got()[0].to)
	}
}

func TestFaultsOfMail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*mailbox, *notify.Email)
		final  bool
		says   string
	}{
		"busy":           {func(m *mailbox, _ *notify.Email) { m.fault = &smtp.SMTPError{Code: 451, Message: "later"} }, false, "451"},
		"refused":        {func(m *mailbox, _ *notify.Email) { m.fault = &smtp.SMTPError{Code: 554, Message: "spam"} }, true, "554"},
		"no such user":   {func(_ *mailbox, e *notify.Email) { e.To = []string{"nobody@example.com"} }, true, "550"},
		"wrong password": {func(_ *mailbox, e *notify.Email) { e.Password = "token" }, true, "535"},
		"no authority":   {func(_ *mailbox, e *notify.Email) { e.CAFile = "" }, false, "certificate"},
		"nobody listens": {func(_ *mailbox, e *notify.Email) { e.Port = 1 }, false, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box := newMailbox(t, false)
			target := box.target(notify.StartTLS)
			c.change(box, target.Email)
			err := courier(target, nil, 0).Send(t.Context(), letter(t, notify.Rule{Target: "mail"}))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("the error is %v", err)
			}
			fault := &notify.Fault{}
			errors.As(err, &fault)
			if fault.Final != c.final || strings.Contains(err.Error(), "t0ken") {
				t.Errorf("final is %v: %v", fault.Final, err)
			}
			if n := len(box.got()); n != 0 {
				t.Errorf("%d mails were taken", n)
			}
		})
	}
}

// A server that does not offer TLS gets neither a password nor a mail, and one
// that says nothing holds nobody up.
func TestMailServersThatDeceive(t *testing.T) {
	t.Parallel()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 100)
	var serving sync.WaitGroup
	serving.Go(func() { plainServer(at, heard) })
	t.Cleanup(func() {
		_ = at.Close()
		serving.Wait()
	})
	target := &notify.Target{Name: "mail", Email: &notify.Email{
		Host: "127.0.0.1", Port: at.Addr().(*net.TCPAddr).Port, Username: "u", Password: "password", From: "a@example.com", To: []string{"b@example.com"},
	}}
	if err := courier(target, nil, 0).Send(t.Context(), letter(t, notify.Rule{Target: "mail"})); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("the error is %v", err)
	}
	for len(heard) > 0 {
		if line := <-heard; strings.HasPrefix(line, "AUTH") || strings.HasPrefix(line, "MAIL") {
			t.Errorf("the server heard %q in clear", line)
		}
	}
	target.Email.Security = notify.ImplicitTLS // it waits for a greeting in TLS that never comes
	if err := courier(target, nil, 200*time.Millisecond).Send(t.Context(), letter(t, notify.Rule{Target: "mail"})); err == nil {
		t.Error("a server that says nothing has taken a mail")
	}
}

// plainServer speaks SMTP without TLS, badly.
func plainServer(at net.Listener, heard chan<- string) {
	for {
		conn, err := at.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "220 here\r\n")
		buf := make([]byte, 512)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				break
			}
			line := string(buf[:n])
			if line[0] == 0x16 {
				continue // a TLS hello gets no answer
			}
			heard <- line
			switch {
			case strings.HasPrefix(line, "EHLO"):
				_, _ = io.WriteString(conn, "250-here\r\n250 AUTH PLAIN\r\n")
			default:
				_, _ = io.WriteString(conn, "250 fine\r\n")
			}
		}
		_ = conn.Close()
	}
}
