package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

// cacheEntry is the JSON form of one result that may be taken over.
type cacheEntry struct {
	Pipeline  string        `json:"pipeline,omitempty"`
	Stage     string        `json:"stage,omitempty"`
	Uses      string        `json:"uses,omitempty"`
	Key       string        `json:"key,omitempty"`
	Run       string        `json:"run,omitempty"`
	Made      time.Time     `json:"made,omitzero"`
	Used      time.Time     `json:"used"`
	Seconds   event.Seconds `json:"duration_seconds"` // that it took to make
	Artifacts int           `json:"artifacts"`
	// Bytes are those of its files and artifacts in the blob store, which other
	// results and runs may share.
	Bytes  int64  `json:"bytes"`
	Damage string `json:"damage,omitempty"`
}

type cacheList struct {
	Schema  int          `json:"schema"`
	Results []cacheEntry `json:"results"`
}

type cachePruned struct {
	Schema  int `json:"schema"`
	Removed int `json:"removed"`
	Kept    int `json:"kept"`
}

func (a *app) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Look at and prune the results that later runs may take over",
		Args:  knownCommand,
		RunE:  showHelp,
	}
	cmd.AddCommand(a.cacheListCommand(), a.cachePruneCommand())
	return cmd
}

func (a *app) cacheListCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List kept results, those used last first",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.cacheList(format)
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) cacheList(format string) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	kept, err := store.Results().List()
	if err != nil {
		return err
	}
	answer := cacheList{Schema: view.SchemaVersion, Results: []cacheEntry{}}
	for _, r := range kept {
		answer.Results = append(answer.Results, cached(r))
	}
	return a.print(format, answer, func() error { return answer.text(a.Stdout) })
}

func cached(r runstate.StoredResult) cacheEntry {
	e := cacheEntry{
		Pipeline: r.Pipeline, Stage: r.Stage, Uses: r.Uses, Key: r.Key, Run: r.Run, Made: r.Made, Used: r.Used,
		Seconds: r.Duration, Artifacts: len(r.Artifacts),
	}
	blobs := make(map[string]int64)
	for _, f := range r.Files {
		blobs[f.Digest] = f.Size
	}
	for _, artifact := range r.Artifacts {
		if artifact.Location == "blob:"+artifact.Digest {
			blobs[artifact.Digest] = artifact.Size
		}
	}
	for _, size := range blobs {
		e.Bytes += size
	}
	if r.Damage != nil {
		e.Damage = r.Damage.Error()
	}
	return e
}

func (l cacheList) text(w io.Writer) error {
	if len(l.Results) == 0 {
		_, err := fmt.Fprintln(w, "No results are kept. Builder and tester stages that know their inputs leave some when they succeed.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PIPELINE\tSTAGE\tFROM RUN\tLAST USED\tTOOK\tSIZE")
	for _, r := range l.Results {
		if r.Damage != "" {
			fmt.Fprintf(t, "-\t-\t-\t%s\t-\tdamaged\n", when(r.Used))
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", view.Printable(r.Pipeline), view.Printable(r.Stage), r.Run, when(r.Used),
			view.Duration(time.Duration(float64(r.Seconds)*float64(time.Second))), humanize.IBytes(uint64(max(r.Bytes, 0))))
	}
	return t.Flush()
}

func when(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// pruneFlags say what goes.
type pruneFlags struct {
	all    bool
	unused time.Duration
	keep   int
	format string
}

func (a *app) cachePruneCommand() *cobra.Command {
	var flags pruneFlags
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove kept results",
		Long: "Remove the results that are beyond the operator's limits, or beyond those given here, and damaged ones.\n" +
			"The stages that they belong to run again. Artifacts stay: runs refer to them.",
		Example: "  runner cache prune --unused 168h\n  runner cache prune --all",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.cachePrune(cmd.Context(), flags)
		},
	}
	cmd.Flags().BoolVar(&flags.all, "all", false, "remove all results")
	cmd.Flags().DurationVar(&flags.unused, "unused", 0, "remove what was neither made nor used for so long, for example 168h")
	cmd.Flags().IntVar(&flags.keep, "keep", 0, "keep so many results, those used last")
	formatFlag(cmd, &flags.format)
	return cmd
}

func (a *app) cachePrune(_ context.Context, flags pruneFlags) error {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	if flags.unused < 0 || flags.keep < 0 {
		return usage(errors.New("--unused and --keep cannot be negative"))
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	limits := cacheLimits(s.operator)
	limits.Damaged = true
	if flags.unused > 0 {
		limits.Age = flags.unused
	}
	if flags.keep > 0 {
		limits.Count = flags.keep
	}
	if flags.all {
		limits.Age, limits.Now = 1, now().Add(time.Hour) // also what is dated a little ahead
	}
	removed, err := store.Results().Prune(limits)
	if err != nil {
		return err
	}
	left, err := store.Results().List()
	if err != nil {
		return err
	}
	answer := cachePruned{Schema: view.SchemaVersion, Removed: removed, Kept: len(left)}
	return a.print(flags.format, answer, func() error {
		_, err := fmt.Fprintf(a.Stdout, "%d removed, %d kept\n", answer.Removed, answer.Kept)
		return err
	})
}
