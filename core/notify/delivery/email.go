package delivery

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/textproto"

	"github.com/stagegate/stagegate/core/notify"
	"github.com/wneessen/go-mail"
)

// email sends the message by SMTP. The Message-ID is made of the key, so that a
// mail that is sent again is known as the same one.
func (c *Courier) email(ctx context.Context, e *notify.Email, l *notify.Letter) error {
	msg, err := compose(e, l)
	if err != nil {
		return &notify.Fault{Err: err, Final: true}
	}
	client, err := c.mailer(ctx, e)
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return judgeMail(fmt.Errorf("reach the mail server: %w", err))
	}
	defer func() { _ = client.Close() }() // what was taken was taken
	if err := client.Send(msg); err != nil && !msg.IsDelivered() {
		return judgeMail(fmt.Errorf("send: %w", err))
	}
	return nil
}

// compose writes the mail. The library refuses or encodes whatever could begin
// another header.
func compose(e *notify.Email, l *notify.Letter) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.From(e.From); err != nil {
		return nil, fmt.Errorf("sender %q: %w", e.From, err)
	}
	to := l.To
	if len(to) == 0 {
		to = e.To
	}
	if err := msg.To(to...); err != nil {
		return nil, fmt.Errorf("recipients: %w", err)
	}
	msg.Subject("[stagegate] " + l.Message.Summary)
	msg.SetMessageIDWithValue(l.Key + "@stagegate")
	msg.SetDateWithValue(l.Created)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence note answers
	msg.SetBodyString(mail.TypeTextPlain, l.Message.Summary+"\n\n"+l.Message.Text())
	return msg, nil
}

func (c *Courier) mailer(ctx context.Context, e *notify.Email) (*mail.Client, error) {
	roots, err := authorities(e.CAFile)
	if err != nil {
		return nil, err
	}
	options := []mail.Option{
		mail.WithPort(e.Port), mail.WithTimeout(c.o.Limit),
		mail.WithTLSConfig(&tls.Config{ServerName: e.Host, RootCAs: roots, MinVersion: tls.VersionTLS12}),
	}
	switch cmp.Or(e.Security, notify.StartTLS) {
	case notify.ImplicitTLS:
		options = append(options, mail.WithSSL())
	case notify.NoTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if e.Username != "" {
		password, err := c.secret(ctx, e.Password)
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(e.Username), mail.WithPassword(password))
	}
	client, err := mail.NewClient(e.Host, options...)
	if err != nil {
		return nil, final("prepare mail: %w", err)
	}
	return client, nil
}

// judgeMail tells what trying again would not mend: RFC 5321 has 5 for that.
func judgeMail(err error) error {
	if sent, ok := errors.AsType[*mail.SendError](err); ok && sent.ErrorCode() != 0 {
		return &notify.Fault{Err: err, Final: sent.ErrorCode() >= 500}
	}
	if said, ok := errors.AsType[*textproto.Error](err); ok {
		return &notify.Fault{Err: err, Final: said.Code >= 500}
	}
	return err
}
