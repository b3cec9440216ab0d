package pipeline

// String is the mode as it is written in the language.
func (m RunMode) String() string {
	switch m {
	case OnFailure:
		return "on_failure"
	case Always:
		return "always"
	case OnChanged:
		return "on_changed"
	case OnFixed:
		return "on_fixed"
	case OnRegression:
		return "on_regression"
	default:
		return "on_success"
	}
}
