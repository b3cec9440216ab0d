// Command train fits the classifier to the training rows by gradient descent
// and writes model.safetensors and config.json. Its randomness has a fixed
// seed: the same machine writes the same bytes every time.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"digits.example/dataset"
	"digits.example/network"
)

func main() {
	data := flag.String("data", "data/digits.csv.gz", "the data set")
	out := flag.String("out", "out", "folder to write to")
	epochs := flag.Int("epochs", 40, "passes over the training rows")
	flag.Parse()
	if err := run(*data, *out, *epochs); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(data, out string, epochs int) error {
	rows, err := dataset.Load(data)
	if err != nil {
		return err
	}
	rows, _ = dataset.Split(rows)
	file, err := train(rows, epochs).Encode()
	if err != nil {
		return err
	}
	config, err := json.MarshalIndent(map[string]any{
		"model_type": "multilayer_perceptron", "input": []int{8, 8}, "hidden": network.Hidden,
		"classes": dataset.Classes, "activation": "relu", "epochs": epochs, "training_rows": len(rows),
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "config.json"), append(config, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "model.safetensors"), file, 0o644)
}

func train(rows []dataset.Row, epochs int) *network.Network {
	random := rand.New(rand.NewPCG(3, 4))
	net := network.New(dataset.Pixels, dataset.Classes, random)
	for epoch := range epochs {
		rate := 0.05 * (1 - float32(epoch)/float32(epochs))
		loss := 0.0
		for _, at := range random.Perm(len(rows)) {
			loss += net.Learn(rows[at].Ink, rows[at].Digit, rate)
		}
		if (epoch+1)%10 == 0 {
			fmt.Printf("epoch %d: loss %.4f\n", epoch+1, loss/float64(len(rows)))
		}
	}
	return net
}
