package compress_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/compress"
)

func TestChoose(t *testing.T) {
	all := []string{"zstd", "br", "gzip"}
	tests := []struct {
		name    string
		accept  []string
		offered []string
		want    string
	}{
		{"no header", nil, all, ""},
		{"an empty header", []string{""}, all, ""},
		{"one", []string{"gzip"}, all, "gzip"},
		{"a browser", []string{"gzip, deflate, br, zstd"}, all, "zstd"},
		{"the order is ours among equals", []string{"br, gzip"}, []string{"gzip", "br"}, "gzip"},
		{"weights decide", []string{"br;q=0.5, gzip;q=0.8"}, all, "gzip"},
		{"zero refuses", []string{"br;q=0, gzip"}, all, "gzip"},
		{"zero in long", []string{"br;q=0.000"}, all, ""},
		{"star", []string{"*"}, all, "zstd"},
		{"star but", []string{"*, zstd;q=0"}, all, "br"},
		{"star refuses the rest", []string{"gzip, *;q=0"}, all, "gzip"},
		{"capitals", []string{"GZIP"}, all, "gzip"},
		{"the old name", []string{"x-gzip"}, all, "gzip"},
		{"two lines", []string{"deflate", "br"}, all, "br"},
		{"blanks", []string{"  gzip ; q=1.0 "}, all, "gzip"},
		{"identity first", []string{"identity, gzip;q=0.5"}, all, ""},
		{"identity last", []string{"identity;q=0.5, gzip"}, all, "gzip"},
		{"identity equally", []string{"identity, gzip"}, all, "gzip"},
		{"identity refused", []string{"identity;q=0, gzip"}, all, "gzip"},
		{"unknown", []string{"deflate, compress"}, all, ""},
		{"a weight above one", []string{"gzip;q=2"}, all, ""},
		{"a weight below zero", []string{"gzip;q=-1"}, all, ""},
		{"no number", []string{"gzip;q=high"}, all, ""},
		{"not a number", []string{"gzip;q=NaN"}, all, ""},
		{"another parameter", []string{"gzip;level=9"}, all, "gzip"},
		{"part of a name", []string{"gzipped, brotli"}, all, ""},
		{"nothing offered", []string{"gzip"}, nil, ""},
		{"commas alone", []string{",,;,"}, all, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := compress.Choose(tt.accept, tt.offered); got != tt.want {
				t.Errorf("Choose(%q, %q) = %q, want %q", tt.accept, tt.offered, got, tt.want)
			}
		})
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("gzip;q=0.5, br;q=1, *;q=0")
	f.Add(";;q=,*;q=1e9")
	f.Fuzz(func(t *testing.T, accept string) {
		lines := []string{accept}
		got := compress.Choose(lines, []string{"br", "gzip"})
		if got != "" && compress.Quality(lines, got) <= 0 {
			t.Errorf("%q: %q is not wanted", accept, got)
		}
		for _, coding := range []string{"br", "gzip", "identity"} {
			if q := compress.Quality(lines, coding); !(q >= 0 && q <= 1) {
				t.Errorf("%q: the weight of %s is %v", accept, coding, q)
			}
		}
	})
}
