package cluster

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// Query picks the objects that are watched.
type Query struct {
	Kind      string
	Namespace string
	Labels    string // selector; empty means all
	Name      string // one object; empty means all
	Fields    string // selector, in place of Name
}

// Watch keeps a picture of some objects up to date. A watch that the server
// drops is taken up again, with a fresh list where that is needed.
type Watch struct {
	changed chan struct{}
	stores  []*store
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// Watch starts watching; Close ends it.
func (c *Client) Watch(ctx context.Context, queries ...Query) (*Watch, error) {
	// Every error of a watch comes back through Err; client-go need not print it.
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, logr.Discard()))
	w := &Watch{changed: make(chan struct{}, 1), cancel: cancel}
	for _, q := range queries {
		lw, err := c.listWatch(q)
		if err != nil {
			cancel()
			return nil, err
		}
		s := &store{Store: cache.NewStore(cache.DeletionHandlingMetaNamespaceKeyFunc), changed: w.changed}
		w.stores = append(w.stores, s)
		w.wg.Go(func() { c.follow(ctx, q, lw, s) })
	}
	return w, nil
}

// Changed is readable when the picture has changed since it was last read.
func (w *Watch) Changed() <-chan struct{} { return w.changed }

// Close ends the watch and waits until no goroutine is left.
func (w *Watch) Close() {
	w.cancel()
	w.wg.Wait()
}

// Objects are those of the query at an index, and whether they have been
// listed at all.
func (w *Watch) Objects(query int) ([]kube.Object, bool) {
	s := w.stores[query]
	items := s.List()
	out := make([]kube.Object, 0, len(items))
	for _, item := range items {
		if o, ok := item.(*unstructured.Unstructured); ok {
			out = append(out, o.Object)
		}
	}
	return out, s.listed()
}

// Err is why the picture may be old: the latest error of a watch that has not
// been taken up again.
func (w *Watch) Err() error {
	for _, s := range w.stores {
		if err := s.err(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) listWatch(q Query) (cache.ListerWatcher, error) {
	api, err := c.of(q.Kind, q.Namespace)
	if err != nil {
		return nil, err
	}
	narrow := func(o metav1.ListOptions) metav1.ListOptions {
		o.LabelSelector = q.Labels
		o.FieldSelector = q.Fields
		if q.Name != "" {
			o.FieldSelector = "metadata.name=" + q.Name
		}
		return o
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			ctx, cancel := context.WithTimeout(ctx, callTimeout)
			defer cancel()
			return api.List(ctx, narrow(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return api.Watch(ctx, narrow(o))
		},
	}, nil
}

// follow runs a reflector and takes it up again after each error. It does so
// itself, rather than by the reflector's own loop, to know the errors.
func (c *Client) follow(ctx context.Context, q Query, lw cache.ListerWatcher, s *store) {
	backoff := wait.Backoff{Duration: firstBackoff, Factor: 2, Steps: 10, Cap: maxBackoff}
	reflector := cache.NewReflectorWithOptions(lw, &unstructured.Unstructured{}, s, cache.ReflectorOptions{
		Name: q.Kind, Backoff: &backoff,
	})
	pause := firstBackoff
	for ctx.Err() == nil {
		began := time.Now()
		err := reflector.ListAndWatchWithContext(ctx)
		if ctx.Err() != nil {
			return
		}
		s.note(c.wrap(ctx, "watch "+q.Kind, err))
		if time.Since(began) > maxBackoff {
			pause = firstBackoff // it had worked for a while
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, maxBackoff)
	}
}

// store is a cache that tells of its changes.
type store struct {
	cache.Store
	changed chan struct{}

	mu      sync.Mutex
	full    bool
	problem error
}

// Add takes a new object.
func (s *store) Add(o any) error { return s.after(s.Store.Add(o)) }

// Update takes a changed object.
func (s *store) Update(o any) error { return s.after(s.Store.Update(o)) }

// Delete drops an object.
func (s *store) Delete(o any) error { return s.after(s.Store.Delete(o)) }

// Replace takes the whole list: from here on nothing is missing.
func (s *store) Replace(list []any, version string) error {
	s.mu.Lock()
	s.full, s.problem = true, nil
	s.mu.Unlock()
	return s.after(s.Store.Replace(list, version))
}

func (s *store) after(err error) error {
	s.tell()
	return err
}

func (s *store) tell() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *store) note(err error) {
	if err == nil {
		return // the server ended the watch in peace
	}
	s.mu.Lock()
	s.problem = err
	s.mu.Unlock()
	s.tell()
}

func (s *store) listed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}

func (s *store) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}
