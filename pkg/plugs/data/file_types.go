package data

import (
	"mime"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// sniffed is how much of a file tells what it is, in bytes (the WHATWG's MIME sniffing).
const sniffed = 512

// A fileType is a type that content can be told to be. Types that share a form, such as those
// that are text or in a zip, are told apart by what the client says.
type fileType struct {
	name string
	ext  string
	form string // the type that its content is told to be; "" is its own
}

func fileTypes() []fileType {
	return []fileType{
		{"image/png", ".png", ""}, {"image/jpeg", ".jpg", ""}, {"image/gif", ".gif", ""}, {"image/webp", ".webp", ""}, {"image/bmp", ".bmp", ""},
		{"image/x-icon", ".ico", ""}, {"image/svg+xml", ".svg", "text"},
		{"audio/mpeg", ".mp3", ""}, {"audio/wave", ".wav", ""}, {"audio/aiff", ".aiff", ""}, {"audio/midi", ".mid", ""}, {"application/ogg", ".ogg", ""},
		{"video/mp4", ".mp4", ""}, {"video/webm", ".webm", ""}, {"video/avi", ".avi", ""},
		{"font/ttf", ".ttf", ""}, {"font/otf", ".otf", ""}, {"font/woff", ".woff", ""}, {"font/woff2", ".woff2", ""},
		{"application/pdf", ".pdf", ""}, {"application/zip", ".zip", ""}, {"application/x-gzip", ".gz", ""}, {"application/x-rar-compressed", ".rar", ""},
		{"text/plain", ".txt", "text"}, {"text/csv", ".csv", "text"}, {"text/markdown", ".md", "text"}, {"application/json", ".json", "text"},
		{"text/html", ".html", ""}, {"text/xml", ".xml", ""},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx", "application/zip"},
		{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx", "application/zip"},
		{"application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx", "application/zip"},
		{"application/vnd.oasis.opendocument.text", ".odt", "application/zip"},
		{"application/epub+zip", ".epub", "application/zip"},
	}
}

func typeNames() []string {
	var names []string
	for _, t := range fileTypes() {
		names = append(names, t.name)
	}
	return names
}

// runs tells types whose files run scripts where a browser opens them.
func (t *fileType) runs() bool {
	return t.name == "image/svg+xml" || t.name == "text/html" || t.name == "text/xml"
}

// typesOf gives the types that a word of `types` stands for. `image/*` does not stand for
// SVG, nor `text/*` for HTML and XML: they can hold scripts, so who wants them writes them.
func typesOf(word string) (found []fileType) {
	top, wild := strings.CutSuffix(strings.ToLower(word), "/*")
	for _, t := range fileTypes() {
		if t.name == strings.ToLower(word) || wild && strings.HasPrefix(t.name, top+"/") && !t.runs() {
			found = append(found, t)
		}
	}
	return found
}

// fits tells whether content that is told to be of a type is of t. Between types of one form
// the client's word decides.
func (t *fileType) fits(told string, u *pipeline.Upload) bool {
	switch t.form {
	case "":
		return told == t.name
	case "text":
		return t.claimed(u) && (told == "text/plain" || t.name == "image/svg+xml" && told == "text/xml")
	}
	return told == t.form && t.claimed(u)
}

// claimed tells whether the client says that the file is of this type, or names it so.
func (t *fileType) claimed(u *pipeline.Upload) bool {
	return u.ContentType == t.name || strings.HasSuffix(strings.ToLower(u.Filename), t.ext)
}

// among gives the type of the list that the content is of, nil when there is none.
func among(list []fileType, detected string, u *pipeline.Upload) *fileType {
	told := plainType(detected)
	for i := range list {
		if list[i].fits(told, u) {
			return &list[i]
		}
	}
	if i := slices.IndexFunc(list, func(t fileType) bool { return t.name == told && told == "text/plain" }); i >= 0 {
		return &list[i] // text that nobody says more of
	}
	return nil
}

// anyType gives what is known of a file whatever it is; what is not known has no extension.
func anyType(detected string, u *pipeline.Upload) *fileType {
	if t := among(fileTypes(), detected, u); t != nil {
		return t
	}
	return &fileType{name: plainType(detected)}
}

func plainType(detected string) string {
	kind, _, err := mime.ParseMediaType(detected)
	if err != nil {
		return "application/octet-stream"
	}
	return kind
}
