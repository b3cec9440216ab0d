// Package source tells what tree is being released: commit, ref, branch, tag
// and whether the tree equals the commit, as git says it. It only reads.
package source
