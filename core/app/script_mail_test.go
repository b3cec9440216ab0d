package app_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"
)

// mailbox keeps each mail in a file, by its number.
type mailbox struct {
	dir string

	mu  sync.Mutex
	got int
}

// mailbox NAME listens for SMTP and sets NAME to host and port. Mails are kept as
// NAME/1, NAME/2 and so on, below a line for each recipient.
func cmdMailbox(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mailbox name")
	}
	box := &mailbox{dir: ts.MkAbs(args[0])}
	ts.Check(os.MkdirAll(box.dir, 0o700))
	at, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := smtp.NewServer(box)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(at) }) // it ends with Close
	ts.Defer(func() {
		_ = server.Close()
		_ = at.Close() // the server may not have begun with it
		serving.Wait()
	})
	ts.Setenv(args[0], at.Addr().String())
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{box: m}, nil }

type mailSession struct {
	box *mailbox
	to  string
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to += "RCPT " + to + "\n"
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.got++
	return os.WriteFile(filepath.Join(s.box.dir, strconv.Itoa(s.box.got)), append([]byte(s.to), data...), 0o600)
}

func (s *mailSession) Reset()        { s.to = "" }
func (s *mailSession) Logout() error { return nil }
