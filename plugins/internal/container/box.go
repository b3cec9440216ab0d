package container

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/engine"
	"github.com/stagegate/stagegate/plugins/internal/owner"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/process"
)

// Job is a command to run in a container.
type Job struct {
	Request  sdk.Request
	Writable string            // Work or Out
	Env      map[string]string // on top of the argument env
}

// Output is where the words of a stage go; *sdk.Emitter is one.
type Output interface {
	Stdout() io.Writer
	Stderr() io.Writer
	Progress(task string, current, total int64, unit string)
}

// Box is a container and its volumes. Close removes them, in whatever state.
type Box struct {
	engine   *engine.Engine
	job      Job
	labels   map[string]string
	emitter  Output
	name     string
	writable string
	volumes  []string
	id       string // of the container that runs, or ran
	feeder   string
	words    [2]lastWords // of standard output and error
}

// Open connects to the engine and makes all ready for Run: leftovers are
// removed, the image is there, and the files are in place. Close the box.
func Open(ctx context.Context, job Job, out Output) (*Box, error) {
	b := &Box{job: job, emitter: out, name: "stagegate-" + strings.ToLower(rand.Text()[:16]), writable: job.Writable}
	e, err := engine.Connect(ctx)
	if unreachable, ok := errors.AsType[*engine.UnreachableError](err); ok {
		return nil, unreachable.Failure()
	}
	if err != nil {
		return nil, err
	}
	b.engine = e
	if err := b.prepare(ctx); err != nil {
		b.Close(ctx)
		return nil, b.explain(ctx, err)
	}
	return b, nil
}

func (b *Box) prepare(ctx context.Context) error {
	me, err := owner.Self()
	if err != nil {
		return err
	}
	a := b.job.Request.Attempt
	b.labels = map[string]string{labelOwner: me.String(), labelAttempt: a.ID, labelRun: a.Run, labelStage: a.Stage}
	if err := sweep(ctx, b.engine, me, b.emitter.Stderr()); err != nil {
		return err
	}
	c := b.job.Request.Config
	image, err := obtain(ctx, b.engine, c.String("image"), b.emitter.Stderr())
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(a.WorkDir)
	if err != nil {
		return fmt.Errorf("open work folder: %w", err)
	}
	return errors.Join(b.fill(ctx, root, image), root.Close())
}

// fill makes the volumes, has a container that never runs write the files into
// them, and makes the one that will run.
func (b *Box) fill(ctx context.Context, root *os.Root, image engine.Image) error {
	c := b.job.Request.Config
	files, err := filesOf(ctx, root, c)
	if err != nil {
		return err
	}
	spec, err := b.spec(image, files)
	if err != nil {
		return err
	}
	folders := foldersOf(files)
	feeder := engine.Spec{Name: b.name + "-files", Image: image.ID, Command: []string{"none"}, Labels: b.labels}
	mounted := folders
	if b.writable == Out {
		mounted = append(mounted[:len(mounted):len(mounted)], Out)
	}
	for i, folder := range mounted {
		volume := fmt.Sprintf("%s-%d", b.name, i)
		b.volumes = append(b.volumes, volume)
		if err := b.engine.CreateVolume(ctx, volume, b.labels); err != nil {
			return err
		}
		feeder.Mounts = append(feeder.Mounts, engine.Mount{Volume: volume, Path: folder})
		spec.Mounts = append(spec.Mounts, engine.Mount{Volume: volume, Path: folder, ReadOnly: folder != b.writable})
	}
	if err := b.feed(ctx, feeder, root, folders, files); err != nil {
		return err
	}
	b.id, err = b.engine.Create(ctx, spec)
	return err
}

func (b *Box) spec(image engine.Image, files []given) (engine.Spec, error) {
	c := b.job.Request.Config
	l, problems := limits(c)
	if problems.HasErrors() {
		return engine.Spec{}, &sdk.Failure{Summary: "the configuration cannot be used", Detail: problems.Error(), Class: "bad_configuration"}
	}
	env := map[string]string{"HOME": temp}
	maps.Copy(env, c.StringMap("env"))
	maps.Copy(env, b.job.Env)
	env[process.AttemptVariable] = b.job.Request.Attempt.ID
	dir := path.Join(Work, c.String("dir"))
	if dir != Work && !holds(files, dir) {
		return engine.Spec{}, &sdk.Failure{
			Summary: fmt.Sprintf("The folder %q cannot be entered", c.String("dir")), Class: "dir_missing", Broken: true,
			Detail: "In the container there are only the files that inputs names, and none of them is in that folder.",
		}
	}
	return engine.Spec{
		Name: b.name, Image: image.ID, Command: c.Strings("command"), Env: env, Dir: dir,
		User: userOf(c, image), Labels: b.labels, Network: c.Bool("network"), Limits: l,
	}, nil
}

func holds(files []given, folder string) bool {
	for _, f := range files {
		if within(path.Dir(f.path), folder) {
			return true
		}
	}
	return false
}

// userOf is never root, unless the configuration says so.
func userOf(c sdk.Config, image engine.Image) string {
	if c.Set("user") {
		return c.String("user")
	}
	switch name, _, _ := strings.Cut(image.User, ":"); name {
	case "", "0", "root":
		return nobody
	}
	return image.User
}

// feed copies the files. The container for it is made so that volumes can be
// written that are read-only in the other one.
func (b *Box) feed(ctx context.Context, spec engine.Spec, root *os.Root, folders []string, files []given) (err error) {
	if b.feeder, err = b.engine.CreateIdle(ctx, spec); err != nil {
		return err
	}
	read, write := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		p := packer{ctx: ctx, root: root, host: b.job.Request.Host, out: tar.NewWriter(write), made: make(map[string]bool), emitter: b.emitter}
		err := p.pack(folders, b.writable, files)
		write.CloseWithError(err)
		packed <- err
	}()
	err = b.engine.CopyIn(ctx, b.feeder, read)
	_ = read.CloseWithError(errors.New("the engine has ended the copy"))
	if packing := <-packed; packing != nil && err != nil {
		err = b.because(packing, err)
	}
	if err == nil {
		err = b.engine.Remove(ctx, b.feeder)
	}
	return err
}

// because prefers the reason why an archive has no end to what the engine says
// of it.
func (b *Box) because(packing, err error) error {
	if errors.Is(packing, io.ErrClosedPipe) || strings.Contains(packing.Error(), "the engine has ended the copy") {
		return err
	}
	return &sdk.Failure{Summary: "The files cannot be given to the container", Class: "input_unreadable", Broken: true, Cause: packing}
}

// Run runs the command. How it ended is in Exit; the error is a *sdk.Failure
// where the user can do something.
func (b *Box) Run(ctx context.Context) (process.Exit, error) {
	out, words := b.emitter, &b.words
	exit, err := b.engine.Run(ctx, b.id, io.MultiWriter(out.Stdout(), &words[0]), io.MultiWriter(out.Stderr(), &words[1]))
	if err != nil {
		return process.Exit{}, b.explain(ctx, err)
	}
	if err := b.outOfMemory(exit); err != nil {
		return process.Exit{}, err
	}
	return process.Exit{Code: exit.Code}, nil
}

// LastWords is what the command printed last: of standard error, or else of
// standard output.
func (b *Box) LastWords() string {
	if words := b.words[1].String(); words != "" {
		return words
	}
	return b.words[0].String()
}

// CopyOut packs a file or folder below the folder that could be written.
func (b *Box) CopyOut(ctx context.Context, name string) (*engine.Archive, error) {
	return b.engine.CopyOut(ctx, b.id, b.writable, name)
}

// Bounds of cleaning up. An engine that is being started again needs a moment; a
// stage that was told to stop has sdk.Grace for everything.
const (
	cleanTimeout = 30 * time.Second
	hurryTimeout = 4 * time.Second
	cleanPause   = 200 * time.Millisecond
)

// Close removes the container and its volumes, also when ctx has ended. What
// cannot be removed now is named, and is for the next sweep.
func (b *Box) Close(ctx context.Context) {
	patience := cleanTimeout
	if ctx.Err() != nil {
		patience = hurryTimeout
	}
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := b.remove(cleaning)
	for err != nil && cleaning.Err() == nil {
		select {
		case <-cleaning.Done():
		case <-time.After(cleanPause):
			err = b.remove(cleaning)
		}
	}
	if err != nil {
		fmt.Fprintf(b.emitter.Stderr(), "container %s could not be removed and is left behind; a later run that uses the engine removes it: %v\n", b.name, err)
	}
	_ = b.engine.Close()
}

// remove removes what there may be by now, in the order of who holds what. It
// goes by name: an answer that told the id may have been lost.
func (b *Box) remove(ctx context.Context) error {
	err := errors.Join(b.engine.Remove(ctx, b.name), b.engine.Remove(ctx, b.name+"-files"))
	for _, volume := range b.volumes {
		err = errors.Join(err, b.engine.RemoveVolume(ctx, volume))
	}
	return err
}
