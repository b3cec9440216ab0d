package port

import (
	"net"
	"testing"
)

func TestChoosePrefersTheFormerPort(t *testing.T) {
	t.Parallel()
	first, err := Choose(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Choose(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("got port %d, want %d, which is free", second, first)
	}
}

func TestChooseAvoidsATakenPort(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", Address(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	taken := listener.Addr().(*net.TCPAddr).Port
	if Free(t.Context(), taken) {
		t.Errorf("port %d is said to be free", taken)
	}
	chosen, err := Choose(t.Context(), taken)
	if err != nil {
		t.Fatal(err)
	}
	if chosen == taken || chosen == 0 {
		t.Errorf("got port %d while %d is taken", chosen, taken)
	}
}
