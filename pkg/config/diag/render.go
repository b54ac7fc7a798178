package diag

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Text writes the problems for a person: place, message, the line with a caret, the
// hint. source gives the text of a file, "" when there is none to show.
func Text(w io.Writer, problems []*Problem, source func(file string) string) {
	for _, p := range problems {
		severity := ""
		if p.Severity == Warning {
			severity = "warning: "
		}
		fmt.Fprintf(w, "%s: %s%s\n", p.At, severity, p.Message)
		hint := p.Hint
		if line, ok := lineOf(source(p.At.File), p.At.Line); ok {
			hint = excerpt(w, p, line)
		}
		if hint != "" {
			fmt.Fprintf(w, "   %s\n", hint)
		}
		for _, r := range p.Related {
			if !strings.Contains(p.Message, r.At.String()) { // the message has said it
				fmt.Fprintf(w, "   %s: %s\n", r.At, r.Message)
			}
		}
	}
}

// excerpt writes the line and the caret. A short hint stands behind the caret; a long
// one, which it returns, goes below.
func excerpt(w io.Writer, p *Problem, line string) (rest string) {
	number := fmt.Sprintf("%5d", p.At.Line)
	line, column := around(strings.ReplaceAll(line, "\t", " "), max(1, p.At.Column))
	fmt.Fprintf(w, "%s | %s\n", number, line)
	width := max(1, p.At.EndColumn-p.At.Column)
	width = min(width, max(1, utf8.RuneCountInString(line)-column+1))
	carets := strings.Repeat(" ", column-1) + strings.Repeat("^", width)
	hint := p.Hint
	if len(carets)+len(hint) > 110 {
		rest, hint = hint, ""
	}
	fmt.Fprintln(w, strings.TrimRight("      | "+carets+" "+hint, " "))
	return rest
}

// around cuts a line that is too long to be read to what stands around a column, counted from
// 1, and gives where that is now.
func around(line string, column int) (string, int) {
	const long, shown, before = 200, 120, 40
	letters := []rune(line)
	if len(letters) <= long {
		return line, column
	}
	from := min(max(0, column-1-before), len(letters)-shown)
	text := string(letters[from : from+shown])
	if from+shown < len(letters) {
		text += "…"
	}
	if from == 0 {
		return text, column
	}
	return "…" + text, column - from + 1
}

func lineOf(text string, number int) (string, bool) {
	if text == "" || number < 1 {
		return "", false
	}
	for ; number > 1; number-- {
		_, after, ok := strings.Cut(text, "\n")
		if !ok {
			return "", false
		}
		text = after
	}
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimRight(line, "\r"), true
}

type jsonProblem struct {
	File      string        `json:"file"`
	Line      int           `json:"line"`
	Column    int           `json:"column"`
	EndColumn int           `json:"end_column"`
	Severity  Severity      `json:"severity"`
	Code      string        `json:"code"`
	Message   string        `json:"message"`
	Hint      string        `json:"hint"`
	Related   []jsonRelated `json:"related"`
}

type jsonRelated struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// JSON writes the problems as one list, for editors and CI.
func JSON(w io.Writer, problems []*Problem) error {
	list := make([]jsonProblem, 0, len(problems))
	for _, p := range problems {
		j := jsonProblem{p.At.File, p.At.Line, p.At.Column, max(p.At.EndColumn, p.At.Column), p.Severity, p.Code, p.Message, p.Hint, []jsonRelated{}}
		for _, r := range p.Related {
			j.Related = append(j.Related, jsonRelated{r.At.File, r.At.Line, r.At.Column, r.Message})
		}
		list = append(list, j)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(list)
}

// GitHub writes workflow commands, which GitHub shows beside the lines of a change.
func GitHub(w io.Writer, problems []*Problem) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, p := range problems {
		message := p.Message
		if p.Hint != "" {
			message += "\n" + p.Hint
		}
		for _, r := range p.Related {
			message += "\n" + r.At.String() + ": " + r.Message
		}
		fmt.Fprintf(w, "::%s file=%s,line=%d,col=%d,endColumn=%d,title=%s::%s\n", p.Severity, property.Replace(p.At.File),
			p.At.Line, p.At.Column, max(p.At.EndColumn, p.At.Column), property.Replace(p.Code), data.Replace(message))
	}
}
