package app

import (
	"html"
	"net/http"
	"strconv"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// errorPage is the default page of an error. It tells no more than the status.
func errorPage(dst []byte, r *pipeline.Refusal) []byte {
	title := strconv.Itoa(r.Status) + " " + http.StatusText(r.Status)
	dst = append(dst, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>"...)
	dst = append(dst, html.EscapeString(title)...)
	dst = append(dst, "</title>\n<h1>"...)
	dst = append(dst, html.EscapeString(title)...)
	dst = append(dst, "</h1>\n"...)
	if r.Message != "" && r.Status < 500 {
		dst = append(dst, "<p>"...)
		dst = append(dst, html.EscapeString(r.Message)...)
		dst = append(dst, "</p>\n"...)
	}
	return append(dst, "</html>\n"...)
}
