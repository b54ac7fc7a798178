package spec

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The written forms of units, as the JSON Schema checks them.
const (
	DurationPattern = `^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$`
	SizePattern     = `^[0-9]+(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$`
	RatePattern     = `^[1-9][0-9]*/(s|m|h|d)$`
)

// ParseDuration reads 500ms, 30s, 15m, 24h, 7d and joined units such as 1h30m. There is
// no sign, no bare number and no week.
func ParseDuration(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	total := 0.0
	for s != "" {
		end := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if end <= 0 {
			return 0, false
		}
		n, err := strconv.ParseFloat(s[:end], 64)
		if err != nil || s[0] == '.' || s[end-1] == '.' {
			return 0, false
		}
		unit, width := timeUnit(s[end:])
		if width == 0 {
			return 0, false
		}
		total += n * float64(unit)
		s = s[end+width:]
	}
	if total > math.MaxInt64/2 {
		return 0, false
	}
	return time.Duration(total), true
}

func timeUnit(s string) (time.Duration, int) {
	switch {
	case strings.HasPrefix(s, "ms"):
		return time.Millisecond, 2
	case strings.HasPrefix(s, "s"):
		return time.Second, 1
	case strings.HasPrefix(s, "m"):
		return time.Minute, 1
	case strings.HasPrefix(s, "h"):
		return time.Hour, 1
	case strings.HasPrefix(s, "d"):
		return 24 * time.Hour, 1
	}
	return 0, 0
}

// ParseSize reads 512B, 64KB, 8MB (powers of 1000) and 1GiB (powers of 1024) in bytes.
func ParseSize(s string) (int64, bool) {
	digits := strings.TrimRight(s, "BKMGTi")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || strings.HasPrefix(digits, "+") {
		return 0, false
	}
	factor := int64(1)
	switch s[len(digits):] {
	case "B":
	case "KB":
		factor = 1e3
	case "MB":
		factor = 1e6
	case "GB":
		factor = 1e9
	case "TB":
		factor = 1e12
	case "KiB":
		factor = 1 << 10
	case "MiB":
		factor = 1 << 20
	case "GiB":
		factor = 1 << 30
	case "TiB":
		factor = 1 << 40
	default:
		return 0, false
	}
	if n > math.MaxInt64/factor {
		return 0, false
	}
	return n * factor, true
}

// ParseRate reads 100/s, 1000/m, 10/h, 5/d.
func ParseRate(s string) (Rate, bool) {
	count, unit, ok := strings.Cut(s, "/")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n < 1 || strings.HasPrefix(count, "+") || unit == "ms" {
		return Rate{}, false
	}
	per, width := timeUnit(unit)
	if width == 0 || width != len(unit) {
		return Rate{}, false
	}
	return Rate{Count: n, Per: per}, true
}
