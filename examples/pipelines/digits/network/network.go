// Package network is the classifier: pixels, one hidden layer, and a score
// for each digit.
package network

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Hidden is the width of the hidden layer.
const Hidden = 32

// scale brings ink (0 to 16) to 0 to 1.
const scale = 1.0 / 16

// Layer maps In numbers to Out numbers: Weight holds Out rows of In.
type Layer struct {
	In, Out      int
	Weight, Bias []float32
}

// Network is a classifier. Its methods but Learn may be called concurrently.
type Network struct{ Hidden, Output Layer }

// New is a network with small random weights, the same for the same source.
func New(pixels, classes int, random *rand.Rand) *Network {
	return &Network{Hidden: newLayer(pixels, Hidden, random), Output: newLayer(Hidden, classes, random)}
}

func newLayer(in, out int, random *rand.Rand) Layer {
	l := Layer{In: in, Out: out, Weight: make([]float32, in*out), Bias: make([]float32, out)}
	spread := math.Sqrt(2 / float64(in))
	for i := range l.Weight {
		l.Weight[i] = float32(random.NormFloat64() * spread)
	}
	return l
}

// Scores are the probabilities of the digits.
func (n *Network) Scores(ink []float32) []float32 {
	return softmax(n.Output.apply(n.activate(scaled(ink))))
}

// Best is the digit with the highest score.
func Best(scores []float32) int { return slices.Index(scores, slices.Max(scores)) }

// Learn takes one step of gradient descent and returns the loss before it.
func (n *Network) Learn(ink []float32, digit int, rate float32) float64 {
	input := scaled(ink)
	hidden := n.activate(input)
	scores := softmax(n.Output.apply(hidden))
	loss := -math.Log(math.Max(float64(scores[digit]), 1e-12))
	// The gradient of softmax with cross-entropy is score minus truth.
	scores[digit]--
	back := n.Output.learn(hidden, scores, rate)
	for i, h := range hidden {
		if h == 0 {
			back[i] = 0
		}
	}
	n.Hidden.learn(input, back, rate)
	return loss
}

// activate is the hidden layer with its nonlinearity.
func (n *Network) activate(input []float32) []float32 {
	hidden := n.Hidden.apply(input)
	for i, h := range hidden {
		hidden[i] = max(h, 0)
	}
	return hidden
}

func (l Layer) apply(input []float32) []float32 {
	out := slices.Clone(l.Bias)
	for o := range out {
		for i, w := range l.Weight[o*l.In : (o+1)*l.In] {
			out[o] += w * input[i]
		}
	}
	return out
}

// learn moves against the gradient of the output and returns that of the
// input, by the weights from before the move.
func (l Layer) learn(input, gradient []float32, rate float32) []float32 {
	back := make([]float32, l.In)
	for o, g := range gradient {
		row := l.Weight[o*l.In : (o+1)*l.In]
		for i := range row {
			back[i] += row[i] * g
			row[i] -= rate * g * input[i]
		}
		l.Bias[o] -= rate * g
	}
	return back
}

func scaled(ink []float32) []float32 {
	out := make([]float32, len(ink))
	for i, v := range ink {
		out[i] = v * scale
	}
	return out
}

func softmax(x []float32) []float32 {
	highest, sum := slices.Max(x), float32(0)
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - highest)))
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
	return x
}
