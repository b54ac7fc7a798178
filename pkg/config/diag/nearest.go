package diag

import (
	"slices"
	"strings"
)

// Nearest returns the entry of known that a writer of word most likely meant, or "": at
// most two edits away (one in a short word, three in a long one), the same but for case and
// separators, or else the only one that begins as word does (int, integer; development, dev)
// or has all its parts (secret_base, secret_key_base), or the one that other products call so.
func Nearest(word string, known []string) string {
	if word == "" {
		return ""
	}
	limit := max(1, min(2, len(word)/3))
	if len(word) >= longWord {
		limit = 3
	}
	best, edits := "", limit+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		d := distance(word, k)
		if fold(word) == fold(k) {
			d = min(d, 1)
		}
		if d < edits || d == edits && best != "" && len(k) > len(best) { // a letter is rather left out than added
			best, edits = k, d
		}
	}
	if best == "" {
		best = only(known, func(k string) bool { return begins(word, k) })
	}
	if best == "" {
		best = only(known, func(k string) bool { return hasParts(k, word) })
	}
	if best == "" {
		best = elsewhere(word, known)
	}
	return best
}

// longWord is the length from which three edits are still the same word.
const longWord = 10

// only gives the one entry that fits, "" when there are none or several.
func only(known []string, fits func(string) bool) string {
	found := ""
	for _, k := range known {
		if k == found || !fits(k) {
			continue
		}
		if found != "" {
			return ""
		}
		found = k
	}
	return found
}

// begins tells whether one of two words is the beginning of the other.
func begins(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= 3 && len(b)-len(a) >= 2 && !strings.Contains(b, "/") && strings.HasPrefix(fold(b), fold(a))
}

// hasParts tells whether every part of a name such as secret_base stands in another.
func hasParts(name, of string) bool {
	parts := strings.Split(of, "_")
	have := strings.Split(name, "_")
	for _, p := range parts {
		if !slices.Contains(have, p) {
			return false
		}
	}
	return len(parts) > 1
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
