// Package safetensors checks the header of a safetensors file by the exact
// rules of the format. It reads the header alone, as a stream, and imports
// nothing of ours.
//
// Files that break the rules are refused although some readers accept them:
// what one reader takes for a tensor and another for padding is where attacks
// hide.
package safetensors
