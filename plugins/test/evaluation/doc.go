// Package evaluation is what an evaluation said about one model, in one form
// for all tools: metrics by name, how each was measured, and its items where
// the tool gives them.
package evaluation
