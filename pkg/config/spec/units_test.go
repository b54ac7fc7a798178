package spec

import (
	"regexp"
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	const none = -1
	pattern := regexp.MustCompile(DurationPattern)
	tests := []struct {
		text string
		want time.Duration
	}{
		{"500ms", 500 * time.Millisecond}, {"30s", 30 * time.Second}, {"15m", 15 * time.Minute}, {"24h", 24 * time.Hour},
		{"7d", 7 * 24 * time.Hour}, {"1h30m", 90 * time.Minute}, {"1.5h", 90 * time.Minute}, {"0s", 0},
		{"30", none}, {"", none}, {"-5s", none}, {"+5s", none}, {"1w", none}, {"1 h", none}, {"s", none}, {".5s", none}, {"5.s", none},
		{"1us", none}, {"10M", none}, {"1e3s", none}, {"999999999999d", none},
	}
	for _, tt := range tests {
		got, ok := ParseDuration(tt.text)
		if ok != (tt.want != none) || ok && got != tt.want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", tt.text, got, ok, tt.want)
		}
		if ok && !pattern.MatchString(tt.text) {
			t.Errorf("the schema refuses %q, the loader takes it", tt.text)
		}
	}
}

func TestSizes(t *testing.T) {
	const none = -1
	pattern := regexp.MustCompile(SizePattern)
	tests := []struct {
		text string
		want int64
	}{
		{"512B", 512}, {"64KB", 64_000}, {"8MB", 8_000_000}, {"1GiB", 1 << 30}, {"1KiB", 1024}, {"2TB", 2e12}, {"0B", 0},
		{"8", none}, {"", none}, {"8mb", none}, {"8 MB", none}, {"-8MB", none}, {"+8MB", none}, {"8.5MB", none}, {"8M", none}, {"8BB", none}, {"9999999TiB", none},
	}
	for _, tt := range tests {
		got, ok := ParseSize(tt.text)
		if ok != (tt.want != none) || ok && got != tt.want {
			t.Errorf("ParseSize(%q) = %v, %v; want %v", tt.text, got, ok, tt.want)
		}
		if tt.text != "9999999TiB" && ok != pattern.MatchString(tt.text) {
			t.Errorf("schema and loader differ on %q", tt.text)
		}
	}
}

func TestRates(t *testing.T) {
	pattern := regexp.MustCompile(RatePattern)
	tests := []struct {
		text string
		want Rate // the zero Rate: refused
	}{
		{"100/s", Rate{100, time.Second}}, {"1000/m", Rate{1000, time.Minute}}, {"10/h", Rate{10, time.Hour}}, {"5/d", Rate{5, 24 * time.Hour}},
		{"100", Rate{}}, {"0/s", Rate{}}, {"-1/s", Rate{}}, {"+1/s", Rate{}}, {"1/ms", Rate{}}, {"1/2s", Rate{}}, {"1/", Rate{}}, {"/s", Rate{}}, {"1 / s", Rate{}},
	}
	for _, tt := range tests {
		got, ok := ParseRate(tt.text)
		if ok != (tt.want != Rate{}) || got != tt.want {
			t.Errorf("ParseRate(%q) = %v, %v; want %v", tt.text, got, ok, tt.want)
		}
		if ok != pattern.MatchString(tt.text) {
			t.Errorf("schema and loader differ on %q", tt.text)
		}
	}
}
