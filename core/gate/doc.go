// Package gate stands before every deployment. It turns what is known of a run
// and a plan into the typed policy input, has every governing policy judge it,
// combines their verdicts so that nothing but a whole and clean answer lets a
// plan through, and signs the decisions that allow.
//
// It knows policies only as plugins (engine.Plugins); it contains no rule. It
// never reads the workspace: what policies see comes from the runner's own
// records, from the deployer's facts and from the operator.
package gate
