package compress

import (
	"strconv"
	"strings"
)

// Quality is how much a client wants a coding of content, by its Accept-Encoding: from 0,
// not at all, to 1. RFC 9110 section 12.5.3. Without the header only identity is wanted.
func Quality(accept []string, coding string) float64 {
	quality, star := -1.0, -1.0
	for _, line := range accept {
		for one := range strings.SplitSeq(line, ",") {
			name, weight := parse(one)
			switch {
			case strings.EqualFold(name, coding), coding == "gzip" && strings.EqualFold(name, "x-gzip"):
				quality = weight
			case name == "*":
				star = weight
			}
		}
	}
	switch {
	case quality >= 0:
		return quality
	case star >= 0:
		return star
	case coding == "identity":
		return 1
	}
	return 0
}

// Choose gives the coding that the client wants most of those offered, the first of them
// among equals; "" when it is to be sent as it is.
func Choose(accept, offered []string) string {
	best, most := "", 0.0
	if len(accept) == 0 {
		return best
	}
	for _, coding := range offered {
		if q := Quality(accept, coding); q > most {
			best, most = coding, q
		}
	}
	if best != "" && named(accept, "identity") && Quality(accept, "identity") > most {
		return "" // it said that it would rather have it as it is
	}
	return best
}

func named(accept []string, coding string) bool {
	for _, line := range accept {
		for one := range strings.SplitSeq(line, ",") {
			if name, _ := parse(one); strings.EqualFold(name, coding) {
				return true
			}
		}
	}
	return false
}

// parse reads "name;q=0.5". A weight that is none refuses the coding.
func parse(one string) (name string, weight float64) {
	name, rest, weighted := strings.Cut(one, ";")
	name = strings.TrimSpace(name)
	if !weighted {
		return name, 1
	}
	for param := range strings.SplitSeq(rest, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(strings.TrimSpace(key), "q") {
			return name, number(strings.TrimSpace(value))
		}
	}
	return name, 1
}

// number reads a weight: 0 to 1 with at most three digits behind the point.
func number(text string) float64 {
	if text == "" || text[0] != '0' && text[0] != '1' || len(text) > len("0.000") {
		return 0
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || q < 0 || q > 1 {
		return 0
	}
	return q
}
