package main

import (
	"bytes"
	"testing"

	"digits.example/dataset"
	"digits.example/network"
)

func TestTrainLearnsAndRepeats(t *testing.T) {
	t.Parallel()
	rows, err := dataset.Load("../data/digits.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	rows, heldOut := dataset.Split(rows)
	net := train(rows, 10)
	right := 0
	for _, row := range heldOut {
		if network.Best(net.Scores(row.Ink)) == row.Digit {
			right++
		}
	}
	if accuracy := float64(right) / float64(len(heldOut)); accuracy < 0.95 {
		t.Errorf("accuracy is %.3f", accuracy)
	}
	first, err := net.Encode()
	if err != nil {
		t.Fatal(err)
	}
	second, err := train(rows, 10).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the same training wrote another model")
	}
}
