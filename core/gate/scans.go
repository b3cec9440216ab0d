package gate

import (
	"encoding/json"

	"github.com/stagegate/stagegate/core/engine"
)

// Metrics by which a tester's report is known to be that of a scan.
const (
	metricCritical    = "vulnerabilities.critical"
	metricDatabaseAge = "vulnerabilities.database_age_days"
)

// Scan is what one tester stage found in one artifact. A number that the report
// does not hold is null.
type Scan struct {
	Stage           string   `json:"stage"`
	Critical        *float64 `json:"critical"`
	DatabaseAgeDays *float64 `json:"database_age_days"`
}

// scansOf are the scans of this run about an artifact.
func scansOf(evidence engine.Evidence, digest string) Fact {
	scans := []Scan{}
	for _, r := range evidence.Reports {
		if r.ArtifactDigest != digest {
			continue
		}
		scan := Scan{Stage: r.Stage}
		for _, m := range r.Report.Metrics {
			switch value := m.Value; m.Name {
			case metricCritical:
				scan.Critical = &value
			case metricDatabaseAge:
				scan.DatabaseAgeDays = &value
			}
		}
		if scan.Critical != nil || scan.DatabaseAgeDays != nil {
			scans = append(scans, scan)
		}
	}
	if len(scans) == 0 {
		return Fact{State: Absent, Source: "no tester of this run has scanned it"}
	}
	value, err := json.Marshal(scans)
	if err != nil {
		return Fact{State: Unknown, Source: "its scans: " + err.Error()}
	}
	return Fact{State: Verified, Value: value, Source: "testers of this run"}
}
