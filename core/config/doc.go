// Package config reads a pipeline's HCL files.
//
// It works in two phases, because the schemas of `with` blocks come from
// plugins that the files themselves name. Parse reads the files and decodes
// what needs no schema; Source.Load takes the plugins' schemas, the variables
// and the facts, and gives the pipeline and an Evaluator that values its
// expressions while it runs.
//
// The files are untrusted: they are opened below their folder only, and
// bounded in size, depth and cost of evaluation (packages guard and budget).
// Everything wrong with them is a diagnostic, all at once, with its place.
// Nothing marked sensitive is ever part of one.
package config
