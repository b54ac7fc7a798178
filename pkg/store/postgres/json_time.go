package postgres

import (
	"math"
	"strconv"
	"time"
)

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86400 * microsPerSecond
)

// appendDate writes days since 2000-01-01 as 2006-01-02, before the year 1 with BC behind.
func appendDate(dst []byte, days int32) []byte {
	switch days {
	case math.MaxInt32:
		return append(dst, "infinity"...)
	case math.MinInt32:
		return append(dst, "-infinity"...)
	}
	dst, bc := appendDay(dst, int64(days))
	return appendEra(dst, bc)
}

// appendTimestamp writes microseconds since 2000-01-01 without a zone.
func appendTimestamp(dst []byte, micros int64) []byte {
	if word := endless(micros); word != "" {
		return append(dst, word...)
	}
	dst, bc := appendMoment(dst, micros)
	return appendEra(dst, bc)
}

// appendInstant writes microseconds since 2000-01-01 UTC with the offset of zone.
func appendInstant(dst []byte, micros int64, zone *time.Location) []byte {
	if word := endless(micros); word != "" {
		return append(dst, word...)
	}
	offset := 0
	if zone != time.UTC {
		seconds, fraction := floorDivide(micros, microsPerSecond)
		_, offset = time.Unix(epochSeconds+seconds, fraction*1000).In(zone).Zone()
	}
	dst, bc := appendMoment(dst, micros+int64(offset)*microsPerSecond)
	return appendEra(appendOffset(dst, offset), bc)
}

func endless(micros int64) string {
	switch micros {
	case math.MaxInt64:
		return "infinity"
	case math.MinInt64:
		return "-infinity"
	}
	return ""
}

func appendMoment(dst []byte, micros int64) (text []byte, bc bool) {
	days, rest := floorDivide(micros, microsPerDay)
	dst, bc = appendDay(dst, days)
	return appendClock(append(dst, 'T'), rest), bc
}

func appendEra(dst []byte, bc bool) []byte {
	if bc {
		return append(dst, " BC"...)
	}
	return dst
}

// appendDay writes days since 2000-01-01 in the calendar that Postgres uses for all time.
// The way from days to years, with years that begin in March, is that of Howard Hinnant,
// "chrono-compatible low-level date algorithms", civil_from_days.
func appendDay(dst []byte, days int64) (text []byte, bc bool) {
	days += epochDays + 719468 // since 0000-03-01
	era, day := floorDivide(days, 146097)
	year := (day - day/1460 + day/36524 - day/146096) / 365
	day -= 365*year + year/4 - year/100
	month := (5*day + 2) / 153
	day -= (153*month+2)/5 - 1
	year += era * 400
	if month += 3; month > 12 {
		month -= 12
		year++
	}
	if bc = year <= 0; bc {
		year = 1 - year
	}
	dst = appendYear(dst, year)
	dst = appendTwo(append(dst, '-'), month)
	return appendTwo(append(dst, '-'), day), bc
}

// appendClock writes microseconds of a day, without a fraction that is 0 and without the
// zeros at its end; 24:00:00 is a time of day, too.
func appendClock(dst []byte, micros int64) []byte {
	seconds, fraction := micros/microsPerSecond, micros%microsPerSecond
	dst = appendTwo(dst, seconds/3600)
	dst = appendTwo(append(dst, ':'), seconds/60%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int64(microsPerSecond / 10); fraction > 0; unit /= 10 {
		dst = append(dst, byte('0'+fraction/unit))
		fraction %= unit
	}
	return dst
}

// appendOffset writes +05:30; seconds are written where there are some.
func appendOffset(dst []byte, seconds int) []byte {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	dst = appendTwo(append(dst, sign), int64(seconds/3600))
	dst = appendTwo(append(dst, ':'), int64(seconds/60%60))
	if seconds%60 != 0 {
		dst = appendTwo(append(dst, ':'), int64(seconds%60))
	}
	return dst
}

func appendTwo(dst []byte, n int64) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendYear writes at least four digits.
func appendYear(dst []byte, year int64) []byte {
	if year >= 10_000 {
		return strconv.AppendInt(dst, year, 10)
	}
	return appendGroup(dst, uint64(year))
}

func floorDivide(n, by int64) (quotient, rest int64) {
	quotient, rest = n/by, n%by
	if rest < 0 {
		quotient, rest = quotient-1, rest+by
	}
	return quotient, rest
}
