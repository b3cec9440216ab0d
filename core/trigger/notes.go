package trigger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// NotesRef has the notes about runs: a line of JSON for each, on the commit.
const NotesRef = "refs/notes/runner"

// draftRefs are where notes are written before they take the place of NotesRef.
const draftRefs = "refs/notes/runner-draft/"

// noteTries bounds how often others may be faster.
const noteTries = 50

// AddNote puts a line into the notes of a commit, unless it is there. Git itself
// would let two writers at once lose the line of one of them: so each writes a
// draft, and takes the place of the notes only if they are still those that it
// has begun with.
func AddNote(ctx context.Context, repository, commit, line string) error {
	if err := checkID(commit); err != nil {
		return fmt.Errorf("note on a commit: %w", err)
	}
	if line == "" || strings.ContainsAny(line, "\n\r\x00") {
		return errors.New("note on a commit: it is not one line")
	}
	if _, err := git(ctx, repository, "cat-file", "-e", commit+"^{commit}"); err != nil {
		return fmt.Errorf("note on commit %.12s: it is not in %s: %w", commit, repository, err)
	}
	sum := sha256.Sum256([]byte(commit + "\n" + line))
	draft := draftRefs + hex.EncodeToString(sum[:8])
	var err error
	for try := range noteTries {
		var done bool
		if done, err = tryNote(ctx, repository, commit, line, draft); done || ctx.Err() != nil {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(try+1) * time.Millisecond): // whoever was faster has gone on by then
		}
	}
	if _, gone := git(context.WithoutCancel(ctx), repository, "update-ref", "-d", draft); err == nil && gone != nil {
		err = gone
	}
	if err != nil {
		return fmt.Errorf("note on commit %.12s: %w", commit, err)
	}
	return context.Cause(ctx)
}

// tryNote reports whether there is no reason to try again.
func tryNote(ctx context.Context, repository, commit, line, draft string) (done bool, err error) {
	before, err := git(ctx, repository, "for-each-ref", "--format=%(objectname)", NotesRef)
	if err != nil {
		return true, err
	}
	before = trimNewline(before)
	if before == "" {
		_, _ = git(ctx, repository, "update-ref", "-d", draft) // there is one only if a writer was killed
	}
	if before != "" {
		if _, err := git(ctx, repository, "update-ref", draft, before); err != nil {
			return true, err
		}
		if there, err := git(ctx, repository, "notes", "--ref="+draft, "show", commit); err == nil && strings.Contains(there, line) {
			return true, nil
		}
	}
	if _, err := git(ctx, repository, "-c", "user.name=Stagegate", "-c", "user.email=runner@stagegate.invalid",
		"notes", "--ref="+draft, "append", "-m", line, commit); err != nil {
		return true, err
	}
	after, err := git(ctx, repository, "rev-parse", "--verify", draft)
	if err != nil {
		return true, err
	}
	if before == "" {
		before = strings.Repeat("0", len(trimNewline(after))) // it must not exist
	}
	if _, err := git(ctx, repository, "update-ref", NotesRef, trimNewline(after), before); err != nil {
		return false, err
	}
	return true, nil
}
