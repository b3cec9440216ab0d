// Package keyless signs with keys that nobody keeps: Fulcio certifies one for
// whoever an identity token names, and an entry in Rekor says when it was used.
// It verifies such signatures against a trusted root, and is the only importer of
// sigstore-go.
//
// What Fulcio and Rekor answer is believed only when it verifies. A token goes to
// Fulcio, and to nothing else: no log, error or file.
package keyless
