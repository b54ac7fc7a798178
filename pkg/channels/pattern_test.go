package channels

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParsePatternErrors(t *testing.T) {
	tests := []struct {
		text, want string
		offset     int
	}{
		{"", "a topic cannot be empty", 0},
		{"phoenix", `the topic "phoenix" belongs to the protocol`, 0},
		{"room:*:x", "a * may stand only at the end of a topic", 5},
		{"room:**", "a * may stand only at the end of a topic", 5},
		{"room:{id}*", "a * cannot follow a capture: put a colon between them", 9},
		{"room:{id", "a { without a }", 5},
		{"room:id}", "a } without a {", 7},
		{"room:{}", "{} needs a name of letters, digits and _", 5},
		{"room:x{a-b}", "{a-b} needs a name of letters, digits and _", 6},
		{"room:{1}", "{1} needs a name of letters, digits and _", 5},
		{"room:{a}{b}", "only one capture may stand between two colons", 8},
		{"org:{a}:room:{a}", "{a} stands twice in this topic", 13},
	}
	for _, tt := range tests {
		_, err := ParsePattern(tt.text)
		var e *PatternError
		if !errors.As(err, &e) || e.Message != tt.want || e.Offset != tt.offset {
			t.Errorf("ParsePattern(%q) = %v, want %q at %d", tt.text, err, tt.want, tt.offset)
		}
	}
}

func pattern(t testing.TB, text string) Pattern {
	t.Helper()
	p, err := ParsePattern(text)
	if err != nil {
		t.Fatalf("ParsePattern(%q): %v", text, err)
	}
	return p
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, topic string
		want           string // the captures joined by |, "-" for no match
	}{
		{"room:lobby", "room:lobby", ""}, {"room:lobby", "room:lobby2", "-"}, {"room:lobby", "ROOM:lobby", "-"}, {"room:lobby", "room", "-"},
		{"room:*", "room:", ""}, {"room:*", "room:a:b", ""}, {"room:*", "room", "-"}, {"room:*", "rooms:a", "-"},
		{"room*", "room", ""}, {"room*", "rooms:a", ""}, {"*", "", ""}, {"*", "a:b", ""},
		{"room:{id}", "room:7", "7"}, {"room:{id}", "room:", "-"}, {"room:{id}", "room:a:b", "-"}, {"room:{id}", "room:é b", "é b"},
		{"org:{org}:room:{room}", "org:a:room:b", "a|b"}, {"org:{org}:room:{room}", "org:a:room:", "-"}, {"org:{org}:room:{room}", "org::room:b", "-"},
		{"org:{org}:*", "org:a:", "a"}, {"org:{org}:*", "org:a:x:y", "a"}, {"org:{org}:*", "org:a", "-"},
		{"v{n}x:{id}", "v12x:3", "12|3"}, {"v{n}x:{id}", "vx:3", "-"}, {"{a}", "x", "x"}, {"{a}", "", "-"},
		{"a:", "a:", ""}, {"a:", "a", "-"}, {"a:", "a:b", "-"},
	}
	for _, tt := range tests {
		got := "-"
		if captures, ok := pattern(t, tt.pattern).Match(tt.topic, nil); ok {
			got = strings.Join(captures, "|")
		}
		if got != tt.want {
			t.Errorf("%s matches %q: %s, want %s", tt.pattern, tt.topic, got, tt.want)
		}
	}
	if got := pattern(t, "org:{org}:room:{room}").Names(); !slices.Equal(got, []string{"org", "room"}) {
		t.Errorf("Names = %v", got)
	}
}

func TestCovers(t *testing.T) {
	tests := []struct {
		earlier, later string
		want           bool
	}{
		{"room:*", "room:lobby", true}, {"room:*", "room:{id}", true}, {"room:*", "room:{id}:*", true}, {"room:{id}", "room:lobby", true},
		{"room:{id}", "room:{other}", true}, {"room:lobby", "room:{id}", false}, {"room:{id}", "room:*", false}, {"room:{id}", "room:a:b", false},
		{"*", "room:*", true}, {"room:*", "*", false}, {"room:{id}", "room:x{id}", true}, {"room:x{id}", "room:{id}", false},
		{"room:a*", "room:ab*", true}, {"room:ab*", "room:a*", false}, {"room:a*", "room:a{x}:{y}", true}, {"a:{x}:*", "a:*", false}, {"a:{x}:*", "a:b:c:d", true},
	}
	for _, tt := range tests {
		if got := Covers(pattern(t, tt.earlier), pattern(t, tt.later)); got != tt.want {
			t.Errorf("Covers(%s, %s) = %v, want %v", tt.earlier, tt.later, got, tt.want)
		}
	}
}

// Covers must agree with trying all short topics on all short patterns. The topics hold
// one letter that no pattern names, and reach one part further than the patterns.
func TestCoversAgainstAllShortTopics(t *testing.T) {
	parts := []string{"", "a", "ab", "{x}", "a{x}", "{x}b", "*", "a*"}
	var patterns []Pattern
	for _, first := range parts {
		if p, err := ParsePattern(first); err == nil {
			patterns = append(patterns, p)
		}
		for _, second := range parts {
			if p, err := ParsePattern(first + ":" + strings.ReplaceAll(second, "x", "y")); err == nil {
				patterns = append(patterns, p)
			}
		}
	}
	topics := []string{""}
	for from, round := 0, 0; round < 6; round++ {
		end := len(topics)
		for _, topic := range topics[from:end] {
			for _, c := range []string{"a", "b", "z", ":"} {
				topics = append(topics, topic+c)
			}
		}
		from = end
	}
	for _, earlier := range patterns {
		for _, later := range patterns {
			covers := !slices.ContainsFunc(topics, func(topic string) bool {
				_, of := later.Match(topic, nil)
				_, by := earlier.Match(topic, nil)
				return of && !by
			})
			if got := Covers(earlier, later); got != covers {
				t.Errorf("Covers(%s, %s) = %v, but trying topics says %v", earlier, later, got, covers)
			}
		}
	}
}
