// Package encryption encrypts weights at rest, in the format of age: any age
// program with the right key opens what it makes, and so does one that reads at
// random offsets. File keys exist in memory alone. It knows neither packages nor
// registries.
package encryption

// Algorithm is how the annotation of an encrypted artifact names what was done.
const Algorithm = "age-v1/chacha20-poly1305"
