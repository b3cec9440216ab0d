package report

// Curve is how a time is distributed over requests.
type Curve struct {
	Metric string    `json:"metric"`
	Unit   string    `json:"unit,omitempty"`
	Points []Portion `json:"points"` // by their share
	// Bounds are what thresholds ask of shares.
	Bounds []Portion `json:"bounds,omitempty"`
}

// Portion is the value that a share of requests did not exceed.
type Portion struct {
	Share float64 `json:"share"` // from 0 to 1
	Value float64 `json:"value"`
}

// Count is how often something happened.
type Count struct {
	Text  string `json:"text"`
	Count int64  `json:"count"`
}
