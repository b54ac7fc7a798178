package relations

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
)

// nearest finds what a misspelt embedding may have meant.
func nearest(r *Relation, name string) string {
	var names []string
	for _, l := range r.Links {
		if !slices.Contains(names, l.To.Name) {
			names = append(names, l.To.Name)
		}
	}
	return Nearest(names, name)
}

// Nearest finds what a misspelt name may have meant, as PostgREST's hints do
// (Data.FuzzySet): names that share groups of letters, the nearest by edits; "" when none is
// near, or the name is one of them.
func Nearest(names []string, name string) string { return near(names, name, 0.33) }

// NearestTable is Nearest for the table that is asked for (PostgREST.Error, TableNotFound), of
// which a quarter of the letters at most may be wrong.
func NearestTable(names []string, name string) string { return near(names, name, 0.75) }

func near(names []string, name string, enough float64) string {
	if slices.Contains(names, name) {
		return ""
	}
	for size := 3; size >= 2; size-- {
		best, found := 0.0, ""
		shared := false
		for _, candidate := range names {
			if cosine(grams(name, size), grams(candidate, size)) == 0 {
				continue
			}
			shared = true
			score := 1 - float64(edits(strings.ToLower(name), strings.ToLower(candidate)))/float64(max(len([]rune(name)), len([]rune(candidate))))
			if score >= enough && score < 1 && score > best {
				best, found = score, candidate
			}
		}
		if shared {
			return found
		}
	}
	return ""
}

// hinted adds the hint of Postgres to a column that does not exist: the one or two nearest
// by edits, of those that the request may see (parse_relation.c, updateFuzzyAttrMatch).
func hinted(r *Relation, label, name string) string {
	const far = 4 // MAX_FUZZY_DISTANCE + 1
	best, near := far, []string(nil)
	for _, c := range r.Columns {
		switch d := edits(name, c.Name); {
		case d > len(name)/2:
		case d < best:
			best, near = d, []string{c.Name}
		case d == best && d < far:
			near = append(near, c.Name)
		}
	}
	switch len(near) {
	case 1:
		return fmt.Sprintf("Perhaps you meant to reference the column \"%s.%s\".", label, near[0])
	case 2:
		return fmt.Sprintf("Perhaps you meant to reference the column \"%s.%s\" or the column \"%s.%s\".", label, near[0], label, near[1])
	}
	return ""
}

// grams counts the groups of size letters in a word.
func grams(word string, size int) map[string]int {
	letters := []rune{'-'}
	for _, c := range strings.ToLower(word) {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || c == ',' || c == ' ' || c == '_' {
			letters = append(letters, c)
		}
	}
	letters = append(letters, '-')
	for len(letters) < size {
		letters = append(letters, '-')
	}
	counts := map[string]int{}
	for i := 0; i+size <= len(letters); i++ {
		counts[string(letters[i:i+size])]++
	}
	return counts
}

// cosine tells how alike two counts are, from 0 to 1.
func cosine(a, b map[string]int) float64 {
	dot, x, y := 0, 0, 0
	for g, n := range a {
		dot += n * b[g]
		x += n * n
	}
	for _, n := range b {
		y += n * n
	}
	if dot == 0 {
		return 0
	}
	return float64(dot) / (math.Sqrt(float64(x)) * math.Sqrt(float64(y)))
}

// edits is Levenshtein's distance.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		before := row[0]
		row[0] = i + 1
		for j := range y {
			replace := before
			if x[i] != y[j] {
				replace++
			}
			before = row[j+1]
			row[j+1] = min(replace, row[j]+1, before+1)
		}
	}
	return row[len(y)]
}
