package static

import (
	"strings"
	"testing"
)

func TestContentType(t *testing.T) {
	tests := map[string]string{
		"html htm HTML": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js mjs": "text/javascript; charset=utf-8",
		"json map": "application/json", "webmanifest": "application/manifest+json", "txt log": "text/plain; charset=utf-8",
		"md": "text/markdown; charset=utf-8", "csv": "text/csv; charset=utf-8", "ics": "text/calendar; charset=utf-8",
		"vtt": "text/vtt; charset=utf-8", "yaml yml": "application/yaml", "xml": "text/xml; charset=utf-8",
		"xhtml": "application/xhtml+xml", "atom": "application/atom+xml", "rss": "application/rss+xml",
		"wasm": "application/wasm", "pdf": "application/pdf", "zip": "application/zip", "gz": "application/gzip", "tar": "application/x-tar",
		"svg": "image/svg+xml", "png": "image/png", "jpg jpeg JPG": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
		"avif": "image/avif", "ico": "image/x-icon", "bmp": "image/bmp", "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf",
		"otf": "font/otf", "mp3": "audio/mpeg", "m4a": "audio/mp4", "wav": "audio/wav", "flac": "audio/flac", "ogg opus": "audio/ogg",
		"weba": "audio/webm", "mp4 m4v": "video/mp4", "webm": "video/webm", "ogv": "video/ogg", "mov": "video/quicktime",
		"exe php sh html5 x": "application/octet-stream",
	}
	for endings, want := range tests {
		for ending := range strings.FieldsSeq(endings) {
			if got := contentType("dir.html/a.min." + ending); got != want {
				t.Errorf("contentType of .%s = %q, want %q", ending, got, want)
			}
		}
	}
	for _, name := range []string{"html", "dir.html/a", "a."} {
		if got := contentType(name); got != "application/octet-stream" {
			t.Errorf("contentType(%q) = %q", name, got)
		}
	}
}
