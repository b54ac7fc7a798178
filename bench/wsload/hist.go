//go:build linux

package main

import (
	"math/bits"
	"time"
)

// hist is a log-linear latency histogram: 64 buckets per power of two, so a
// quantile is read back with an error below 1.6 %.
type hist struct {
	n      uint64
	max    int64
	counts [64 * 40]uint64
}

func bucket(v int64) int {
	if v < 64 {
		return int(max(v, 0))
	}
	shift := bits.Len64(uint64(v)) - 7
	return min(64*(shift+1)+int(v>>shift)-64, 64*40-1)
}

func bucketFloor(i int) int64 {
	if i < 64 {
		return int64(i)
	}
	shift := i/64 - 1
	return int64(64+i%64) << shift
}

func (h *hist) add(v int64) {
	h.n++
	h.max = max(h.max, v)
	h.counts[bucket(v)]++
}

func (h *hist) merge(o *hist) {
	h.n += o.n
	h.max = max(h.max, o.max)
	for i, c := range o.counts {
		h.counts[i] += c
	}
}

func (h *hist) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank, seen := uint64(q*float64(h.n-1)), uint64(0)
	for i, c := range h.counts {
		if seen += c; seen > rank {
			return time.Duration(bucketFloor(i))
		}
	}
	return time.Duration(h.max)
}
