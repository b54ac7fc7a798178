package postgrest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxAccepts is how many media types of an Accept header are looked at.
const maxAccepts = 32

// Accept chooses the form of an answer: the first media type of the header's lines, by their
// weights, that the answer can have. No header asks for any. Refused with PGRST107 (406).
func Accept(lines []string, can func(Media) bool) (Media, error) {
	if len(lines) == 0 {
		return Media{}, nil
	}
	if len(lines) == 1 {
		switch lines[0] {
		case "application/json":
			if m := (Media{Kind: JSON}); can(m) {
				return m, nil
			}
		case "*/*", "":
			return Media{}, nil
		}
	}
	asked := accepts(lines)
	for _, a := range asked {
		if a.weight > 0 && (a.Kind == AnyMedia || can(a.Media)) {
			return a.Media, nil
		}
	}
	names := make([]string, len(asked))
	for i, a := range asked {
		names[i] = a.String()
	}
	return Media{}, &Error{
		Status:  http.StatusNotAcceptable,
		Code:    "PGRST107",
		Message: "None of these media types are available: " + strings.Join(names, ", "),
	}
}

type accepted struct {
	Media
	weight      float64
	particulars int
}

// accepts gives what the lines ask for, the dearest first. Of equal weight the more
// particular one is first, as in Network.Wai.Parse.
func accepts(lines []string) []accepted {
	var list []accepted
	for _, line := range lines {
		for line != "" && len(list) < maxAccepts {
			var one string
			one, line, _ = strings.Cut(line, ",")
			if one = strings.TrimSpace(one); one == "" {
				continue
			}
			one, weight := weighed(one)
			list = append(list, accepted{ParseMedia(one), weight, strings.Count(one, ";") - strings.Count(one, "*")})
		}
	}
	slices.SortStableFunc(list, func(a, b accepted) int {
		switch {
		case a.weight != b.weight && a.weight > b.weight:
			return -1
		case a.weight != b.weight:
			return 1
		}
		return b.particulars - a.particulars
	})
	return list
}

// weighed takes the weight from a media range. One that is no number is 1.
func weighed(s string) (string, float64) {
	for i := strings.IndexByte(s, ';'); i >= 0; {
		name, value, _ := strings.Cut(s[i+1:], "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			value, _, _ = strings.Cut(value, ";")
			if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && q >= 0 && q <= 1 {
				return strings.TrimSpace(s[:i]), q
			}
			return strings.TrimSpace(s[:i]), 1
		}
		next := strings.IndexByte(s[i+1:], ';')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return s, 1
}
