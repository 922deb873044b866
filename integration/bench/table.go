package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// table is a Markdown table under construction.
type table struct {
	head  []string
	rows  [][]string
	notes []string // lines below the table
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// markdown is the table as text; "nothing measured" without rows.
func (t *table) markdown() string {
	if len(t.rows) == 0 {
		return "Nothing measured yet.\n"
	}
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(t.head)
	line(slices.Repeat([]string{"---"}, len(t.head)))
	for _, r := range t.rows {
		line(r)
	}
	for _, n := range t.notes {
		b.WriteString("\n" + n + "\n")
	}
	return b.String()
}

// quantile of values, between neighbours by proportion; NaN without values.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	at := q * float64(len(s)-1)
	low := int(at)
	high := min(low+1, len(s)-1)
	return s[low] + (at-float64(low))*(s[high]-s[low])
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// spread is "median (first quartile–third)", or "–" without values.
func spread(values []float64, digits int) string {
	if len(values) == 0 {
		return "–"
	}
	if len(values) == 1 {
		return number(values[0], digits)
	}
	return fmt.Sprintf("%s (%s–%s)", number(median(values), digits),
		number(quantile(values, 0.25), digits), number(quantile(values, 0.75), digits))
}

// extremes is "median (smallest–largest)", or "–" without values.
func extremes(values []float64, digits int) string {
	switch {
	case len(values) == 0:
		return "–"
	case slices.Min(values) == slices.Max(values):
		return number(values[0], digits)
	}
	return fmt.Sprintf("%s (%s–%s)", number(median(values), digits),
		number(slices.Min(values), digits), number(slices.Max(values), digits))
}

// mid is the median alone, or "–" without values.
func mid(values []float64, digits int) string {
	if len(values) == 0 {
		return "–"
	}
	return number(median(values), digits)
}

func number(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
