package notify

import (
	"errors"
	"net"
	"net/url"
)

// CheckURL refuses what is no address for HTTPS. Plain HTTP is for this machine.
// No part of the address is in its error.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return errors.New("it is not an address such as https://hooks.example.com/path")
	case u.User != nil:
		return errors.New("it has credentials in it; name a secret for them")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && Loopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return errors.New("plain http is for this machine only; use https")
	default:
		return errors.New("it is neither https nor http")
	}
}

// Loopback reports whether a host is this machine, by its name alone.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
