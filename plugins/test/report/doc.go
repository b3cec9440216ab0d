// Package report puts what an evaluation came to into the forms that others
// read: JSON for programs and for later evaluations, an in-toto statement for
// policies, a table for the log, and a page for people. Equal evaluations give
// equal bytes: there is no time in them.
package report
