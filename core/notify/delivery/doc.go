// Package delivery carries letters to where the operator says: webhooks, chat,
// mail, forges and git notes. It tries again with growing pauses, for as long
// as a caller has patience, and notes what became of each attempt before it
// goes on. Whatever answers is bounded in time and size, redirects lead to no
// other host, and no address or credential is in an error.
package delivery
