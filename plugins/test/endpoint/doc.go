// Package endpoint sends one HTTP request and says what became of it, in words of
// which there are few. It reads no more of an answer than it was told to, and
// follows redirects nowhere but to the same server.
package endpoint
