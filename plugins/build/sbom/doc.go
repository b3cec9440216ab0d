// Package sbom writes what a model package consists of as a CycloneDX ML-BOM,
// version 1.6. It says what was seen and what the pipeline says, and marks as
// unknown what neither of them knows. The same package has the same bill.
package sbom
