package diag

import (
	"slices"
	"strings"
)

// Nearest returns the entry of known that a writer of word most likely meant, or "":
// at most two edits away (one in a short word), or the same but for case and separators.
func Nearest(word string, known []string) string {
	if word == "" {
		return ""
	}
	limit := min(2, max(1, len(word)/3))
	best, edits := "", limit+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		d := distance(word, k)
		if fold(word) == fold(k) {
			d = min(d, 1)
		}
		if d < edits {
			best, edits = k, d
		}
	}
	return best
}

// DidYouMean words the suggestion, or gives "" when nothing is near.
func DidYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return `did you mean "` + near + `"?`
	}
	return ""
}

// OneOf lists choices for a hint: a, b or c.
func OneOf(choices []string) string {
	switch n := len(choices); n {
	case 0:
		return ""
	case 1:
		return choices[0]
	default:
		return strings.Join(choices[:n-1], ", ") + " or " + choices[n-1]
	}
}

func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// distance is the optimal string alignment distance: edits, with two neighbours
// swapped counting as one.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before := make([]int, len(y)+1)
	last := make([]int, len(y)+1)
	row := make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
