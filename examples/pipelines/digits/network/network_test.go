package network_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"digits.example/network"
)

// A small step must lower the loss by what the gradient promises: the rate
// times the gradient's square, which is how far the weights moved, squared,
// over the rate.
func TestLearnFollowsTheGradient(t *testing.T) {
	t.Parallel()
	const rate = 1e-4
	net := network.New(4, 3, rand.New(rand.NewPCG(1, 1)))
	ink := []float32{16, 3, 0, 7}
	before := weights(net)
	loss := net.Learn(ink, 2, rate)
	moved := 0.0
	for i, w := range weights(net) {
		moved += math.Pow(float64(w-before[i]), 2)
	}
	lowered := loss - net.Learn(ink, 2, 0)
	if promised := moved / rate; math.Abs(lowered-promised) > 0.02*promised {
		t.Errorf("the loss went down by %g, and the gradient promised %g", lowered, promised)
	}
}

func TestEncodeDecode(t *testing.T) {
	t.Parallel()
	net := network.New(64, 10, rand.New(rand.NewPCG(5, 6)))
	file, err := net.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := network.Decode(file, 64, 10)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(net, got) {
		t.Error("the network changed on its way")
	}
	for name, broken := range map[string][]byte{
		"empty": nil, "cut off": file[:len(file)-1], "no body": file[:100], "more": append(file[:len(file):len(file)], 0),
		"long header": append([]byte{255, 255, 255, 255, 255, 255, 255, 255}, file[8:]...),
	} {
		if _, err := network.Decode(broken, 64, 10); err == nil || !strings.HasPrefix(err.Error(), "decode model: ") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := network.Decode(file, 32, 10); err == nil {
		t.Error("a network of another shape was accepted")
	}
}

func weights(n *network.Network) []float32 {
	var all []float32
	for _, l := range []network.Layer{n.Hidden, n.Output} {
		all = append(append(all, l.Weight...), l.Bias...)
	}
	return all
}
