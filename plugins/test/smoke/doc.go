// Package smoke is the component test.smoke: it sends requests to an HTTP
// endpoint at a constant rate, and judges how fast and how well it answers.
package smoke
