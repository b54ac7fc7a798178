package source

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	goccy "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// syntaxError tells why a text that the parser refused is no YAML. The parser names only
// a line, often another one; so the text is read once more by what knows the mistakes
// that people make, and failing that by a second parser.
func (f *File) syntaxError(err error, ps *diag.Problems) {
	s := newScan(f)
	if s.run(); s.found.Len() > 0 {
		ps.Append(&s.found)
		return
	}
	if f.secondOpinion(ps) {
		return
	}
	line, message := parserError(err)
	line = min(max(line, 1), len(f.starts))
	start := f.starts[line-1]
	start += indentation(f.Text[start:f.lineEnd(line)])
	if strings.Contains(message, "max depth") {
		ps.Add(f.pos(start), "too-deep", "maps and lists are nested deeper than %d", maxDepth)
		return
	}
	ps.Add(f.pos(start), "syntax", "this is no YAML: %s", message).
		Suggest("look at the lines before, too: their indentation, quotes and brackets")
}

// parserError takes apart what the parser says.
func parserError(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := regexp.MustCompile(`^line (\d+): (.*)$`).FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = m[2]
	}
	return line, message
}

// secondOpinionSize is the largest text, in bytes, that the second parser is asked about.
// Its time and memory grow with the square of how deep a text nests, and of other things.
const secondOpinionSize = 256 << 10

// nesting is a bound on how deep a text nests: by brackets, or by marks on one line.
func nesting(text string) int {
	brackets, marks, deepest := 0, 0, 0
	for i := range len(text) {
		switch text[i] {
		case '[', '{':
			brackets++
		case ']', '}':
			brackets = max(0, brackets-1)
		case '-', '?', ':':
			marks++
		case '\n':
			marks = 0
		}
		deepest = max(deepest, brackets, marks)
	}
	return deepest
}

// secondOpinion tells the place that the second parser finds.
func (f *File) secondOpinion(ps *diag.Problems) bool {
	if len(f.Text) > secondOpinionSize || nesting(f.Text) > maxDepth {
		return false
	}
	line, column, message, ok := goccyError(f.Text)
	if !ok {
		return false
	}
	line = min(max(line, 1), len(f.starts))
	what, hint := "this does not fit where it stands", "look at its indentation, and quote a value with `: `, ` #`, quotes or brackets in it"
	switch {
	case strings.Contains(message, "quoted text"):
		what, hint = "the quote that opens here is never closed", "close it on the same line"
	case strings.Contains(message, "must be specified"), strings.Contains(message, "not found"), strings.Contains(message, "could not find"):
		what, hint = "a bracket is not closed", "close it, or quote the value if the bracket is a part of it"
	}
	ps.Add(f.pos(f.offset(line, column)), "syntax", "%s", what).Suggest("%s", hint)
	return true
}

// goccyError gives where the second parser stops. It is asked about texts that are no
// YAML and may panic over them.
func goccyError(text string) (line, column int, message string, ok bool) {
	defer func() {
		if fault := recover(); fault != nil {
			ok = false
		}
	}()
	_, err := parser.ParseBytes([]byte(text), 0)
	if syntax, is := errors.AsType[*goccy.SyntaxError](err); is && syntax.Token != nil && syntax.Token.Position != nil {
		at := syntax.Token.Position
		return at.Line, at.Column, syntax.Message, true
	}
	return 0, 0, fmt.Sprint(err), false
}
