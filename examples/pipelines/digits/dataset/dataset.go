// Package dataset reads the handwritten digits and splits them, always in the
// same way, into rows to train with and rows that training never sees.
package dataset

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
)

// The shape of a row.
const (
	Pixels  = 64
	Classes = 10
	maxInk  = 16
	maxRows = 100_000
)

// Row is one image and the digit that it shows.
type Row struct {
	Ink   []float32 // Pixels values from 0 to 16
	Digit int
}

// Load reads a compressed CSV file.
func Load(path string) ([]Row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open data: %w", err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	lines := csv.NewReader(unzipped)
	lines.FieldsPerRecord = Pixels + 1
	lines.ReuseRecord = true
	var rows []Row
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err == nil && len(rows) == maxRows {
			err = fmt.Errorf("more than %d rows", maxRows)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		row, err := parse(fields)
		if err != nil {
			return nil, fmt.Errorf("read %s, row %d: %w", path, len(rows)+1, err)
		}
		rows = append(rows, row)
	}
}

func parse(fields []string) (Row, error) {
	row := Row{Ink: make([]float32, Pixels)}
	for i, field := range fields {
		n, err := strconv.Atoi(field)
		switch {
		case err != nil:
			return row, err
		case i == Pixels && (n < 0 || n >= Classes):
			return row, fmt.Errorf("%d is not a digit", n)
		case i == Pixels:
			row.Digit = n
		case n < 0 || n > maxInk:
			return row, fmt.Errorf("pixel %d is %d, and not 0 to %d", i, n, maxInk)
		default:
			row.Ink[i] = float32(n)
		}
	}
	return row, nil
}

// Split shuffles by a fixed seed and holds a quarter back for the evaluation.
func Split(rows []Row) (train, heldOut []Row) {
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(rows))
	for i, at := range order {
		if i%4 == 0 {
			heldOut = append(heldOut, rows[at])
		} else {
			train = append(train, rows[at])
		}
	}
	return train, heldOut
}
