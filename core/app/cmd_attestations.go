package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
	"github.com/stagegate/stagegate/sdk/decision"
)

// attestationList is the JSON form of a run's statements.
type attestationList struct {
	Schema       int                `json:"schema"`
	Run          string             `json:"run"`
	Attestations []attestationEntry `json:"attestations"`
	// Files are those that were written, with --output.
	Files []string `json:"files,omitempty"`
}

type attestationEntry struct {
	Stage string `json:"stage"`
	// Subject is the artifact's name, where it is one of the stage.
	Subject string `json:"subject,omitempty"`
	event.Attestation
	// Signed says by whom: "runner" when a key of the trust root has signed this
	// very statement, "other" when it is signed and that is not so. Empty means
	// that nobody has.
	Signed string `json:"signed,omitempty"`
}

// Who has signed.
const (
	signedByRunner = "runner"
	signedByOther  = "other"
)

func (a *app) attestationsCommand() *cobra.Command {
	var format, output string
	cmd := &cobra.Command{
		Use:   "attestations RUN [STAGE]",
		Short: "List and export what is stated about a run's artifacts",
		Long: "List the in-toto statements about what the stages of a run have made: SLSA provenance, signatures, test\n" +
			"results. RUN is an id, the beginning of one, or latest. With --output they are written to a folder, for each stage\n" +
			"its envelopes as STAGE.intoto.jsonl and what nobody has signed as STAGE.statements.jsonl.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			stage := ""
			if len(args) == 2 {
				stage = pipeline.StageName(args[1])
			}
			return a.attestations(cmd.Context(), args[0], stage, output, format)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "folder to write the statements to; made when it is missing")
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) attestations(ctx context.Context, argument, stage, output, format string) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	run, err := a.kept(ctx, argument)
	if err != nil {
		return err
	}
	stages := run.state.Stages
	if stage != "" {
		one := run.state.Stage(stage)
		if one == nil {
			return errors.Join(usage(fmt.Errorf("run %s has no stage %q; it has %s", run.state.ID, stage, stageNames(run.state))), run.untrusted())
		}
		stages = []*runstate.StageState{one}
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	root, err := decision.LoadTrustRoot(s.trustRoot())
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // without one no signature is the runner's
		return errors.Join(fmt.Errorf("tell whose signatures these are: %w", err), run.untrusted())
	}
	answer := attestationList{Schema: view.SchemaVersion, Run: run.state.ID, Attestations: []attestationEntry{}}
	for _, one := range stages {
		for _, stated := range one.Attestations {
			signed, err := signedBy(run.store.Blobs(), stated, root)
			if err != nil {
				return errors.Join(err, run.untrusted())
			}
			answer.Attestations = append(answer.Attestations, attestationEntry{
				Stage: one.Name, Subject: subjectName(one, stated.SubjectDigest), Attestation: stated, Signed: signed,
			})
		}
	}
	if output != "" {
		if answer.Files, err = exportAttestations(run.store.Blobs(), answer.Attestations, output); err != nil {
			return errors.Join(err, run.untrusted())
		}
	}
	err = a.print(format, answer, func() error { return answer.text(a.Stdout) })
	return errors.Join(err, run.untrusted())
}

func subjectName(s *runstate.StageState, digest string) string {
	for _, artifact := range s.Artifacts {
		if artifact.Digest == digest {
			return artifact.Name
		}
	}
	return ""
}

// signedBy tells whose signature an attestation has.
func signedBy(blobs runstate.Blobs, stated event.Attestation, root decision.TrustRoot) (string, error) {
	if stated.EnvelopeDigest == "" {
		return "", nil
	}
	envelope, err := readBlob(blobs, stated.EnvelopeDigest)
	if err != nil {
		return "", err
	}
	statement, err := decision.OpenStatement(envelope, root)
	if err != nil || digestOf(statement) != stated.Digest {
		return signedByOther, nil //nolint:nilerr // which is the answer
	}
	return signedByRunner, nil
}

func (l attestationList) text(w io.Writer) error {
	if len(l.Attestations) == 0 {
		_, err := fmt.Fprintf(w, "Nothing is stated about what run %s has made.\n", l.Run)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STAGE\tABOUT\tSTATEMENT\tSIGNED BY\tDIGEST")
	for _, e := range l.Attestations {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", view.Printable(e.Stage), view.Printable(cmp.Or(e.Subject, short(e.SubjectDigest))),
			view.Printable(e.PredicateType), cmp.Or(e.Signed, "-"), short(e.Digest))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, e := range l.Attestations {
		if e.Attached != "" {
			fmt.Fprintf(w, "%s is kept as %s\n", short(e.Digest), view.Printable(e.Attached))
		}
	}
	for _, name := range l.Files {
		fmt.Fprintf(w, "wrote %s\n", name)
	}
	return nil
}
