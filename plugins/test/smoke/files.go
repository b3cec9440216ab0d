package smoke

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/sdk"
)

// Bounds of what is read.
const (
	maxCA     = 1 << 20
	maxFile   = 16 << 20 // of one body
	maxBodies = 64 << 20 // of all bodies
)

// checkFiles says what is wrong with the arguments that name files.
func checkFiles(diags *sdk.Diagnostics, req sdk.ValidateRequest) {
	c := req.Config
	if c.Set("body") && c.Set("body_files") {
		diags.AddError(sdk.At(sdk.Attr("body_files")), "The bodies are given twice", "Set body or body_files, not both.")
	}
	if c.Set("body_files") && len(c.Strings("body_files")) == 0 {
		diags.AddError(sdk.At(sdk.Attr("body_files")), "There is no body in the list", `Name files, for example body_files = ["requests/*.json"], or leave it out.`)
	}
	for i, name := range c.Strings("body_files") {
		if _, err := produced.Local(req.WorkDir, name); err != nil {
			diags.AddError(sdk.At(sdk.Attr("body_files"), sdk.Index(i)), fmt.Sprintf("The file %q cannot be used", name),
				err.Error()+". Give a path or pattern inside the pipeline's folder.")
		}
	}
	if c.Set("report_dir") {
		if _, err := produced.Local(req.WorkDir, c.String("report_dir")); err != nil {
			diags.AddError(sdk.At(sdk.Attr("report_dir")), "The folder of the report cannot be used",
				err.Error()+`. Give a folder inside the pipeline's folder, for example "out/smoke".`)
		}
	}
	b, ok := c.Block("tls")
	if !ok {
		return
	}
	if name := b.String("ca_file"); b.Set("ca_file") && !filepath.IsAbs(name) && !filepath.IsLocal(name) {
		diags.AddError(place("tls", "ca_file"), fmt.Sprintf("The file %q cannot be used", name), "It is a path inside the pipeline's folder, or an absolute one.")
	}
	if b.Known("client_certificate") && b.Known("client_key") && b.Set("client_certificate") != b.Set("client_key") {
		diags.AddError(sdk.At(sdk.Attr("tls")), "The client's certificate is not whole", "Set client_certificate and client_key, both or none.")
	}
}

// bodies reads what is sent.
func bodies(c sdk.Config, workDir string) ([][]byte, error) {
	if c.Set("body") {
		return [][]byte{[]byte(c.String("body"))}, nil
	}
	var found [][]byte
	total := 0
	for _, pattern := range c.Strings("body_files") {
		more, err := matching(workDir, pattern, maxBodies-total)
		if err != nil {
			return nil, &sdk.Failure{
				Summary: fmt.Sprintf("The bodies in %q cannot be read", pattern), Class: "body_unreadable", Broken: true, Cause: err,
				Detail: fmt.Sprintf("They are regular files inside the pipeline's folder, of at most %d MiB each and %d MiB together.", maxFile>>20, maxBodies>>20),
			}
		}
		for _, one := range more {
			total += len(one)
		}
		found = append(found, more...)
	}
	return found, nil
}

// matching are the contents of the files that match a pattern.
func matching(workDir, pattern string, most int) (_ [][]byte, err error) {
	files, err := produced.Existing(workDir, pattern)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	names, err := files.Files()
	if errors.Is(err, produced.ErrNone) {
		return nil, errors.New("there is no such file")
	}
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for _, name := range names {
		f, err := files.Open(name)
		if err != nil {
			return nil, err
		}
		content, err := bounded(f, min(maxFile, most))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		most -= len(content)
		found = append(found, content)
	}
	return found, nil
}

// bounded reads a file to its end and closes it.
func bounded(f *os.File, most int) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(content) > most {
		return nil, fmt.Errorf("it is longer than %d bytes", most)
	}
	return content, nil
}

// security is how the server is known, and how we are.
func security(c sdk.Config, workDir string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	b, ok := c.Block("tls")
	if !ok {
		return config, nil
	}
	config.ServerName = b.String("server_name")
	if name := b.String("ca_file"); name != "" {
		content, err := authorities(workDir, name)
		if err == nil {
			config.RootCAs = x509.NewCertPool()
			if !config.RootCAs.AppendCertsFromPEM(content) {
				err = errors.New("it holds no certificate in PEM")
			}
		}
		if err != nil {
			return nil, &sdk.Failure{
				Summary: fmt.Sprintf("The authorities in %q cannot be read", name), Class: "tls_invalid", Broken: true, Cause: err,
				Detail: "ca_file names PEM certificates (-----BEGIN CERTIFICATE-----).",
			}
		}
	}
	if b.Set("client_certificate") {
		// What is wrong with a key could show of it.
		pair, err := tls.X509KeyPair([]byte(b.String("client_certificate")), []byte(b.String("client_key")))
		if err != nil {
			return nil, &sdk.Failure{
				Summary: "The client's certificate and key cannot be used", Class: "tls_invalid", Broken: true,
				Detail: "client_certificate and client_key are PEM, and belong to each other.",
			}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// authorities reads certificates. They may lie outside of the work folder, where
// a machine keeps its authorities; nothing but certificates is taken from such a
// file.
func authorities(workDir, name string) (_ []byte, err error) {
	var f *os.File
	if filepath.IsAbs(name) {
		f, err = os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	} else {
		var root *os.Root
		if root, err = os.OpenRoot(workDir); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, root.Close()) }()
		f, err = root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, err
	}
	return bounded(f, maxCA)
}
