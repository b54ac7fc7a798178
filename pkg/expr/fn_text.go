package expr

import (
	"encoding/base64"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/value"
)

func textRows() []function {
	text1, text2, text3 := of[func(string) string](), of[func(string, string) string](), of[func(string, string, string) string]()
	return []function{
		pure("trim", "trim(text, chars)", "the text without blanks, or without these characters, at both ends",
			texts("trim", func(s []string) any {
				if len(s) == 1 {
					return strings.TrimSpace(s[0])
				}
				return strings.Trim(s[0], s[1])
			}), text1, text2),
		pure("trimPrefix", "trimPrefix(text, prefix)", "the text without a prefix", texts("trimPrefix", func(s []string) any { return strings.TrimPrefix(s[0], second(s, " ")) }), text2, text1),
		pure("trimSuffix", "trimSuffix(text, suffix)", "the text without a suffix", texts("trimSuffix", func(s []string) any { return strings.TrimSuffix(s[0], second(s, " ")) }), text2, text1),
		pure("upper", "upper(text)", "the text in capitals", texts("upper", func(s []string) any { return strings.ToUpper(s[0]) }), text1),
		pure("lower", "lower(text)", "the text in small letters", texts("lower", func(s []string) any { return strings.ToLower(s[0]) }), text1),
		pure("hasPrefix", "hasPrefix(text, prefix)", "true when the text starts so", texts("hasPrefix", func(s []string) any { return strings.HasPrefix(s[0], s[1]) }), of[func(string, string) bool]()),
		pure("hasSuffix", "hasSuffix(text, suffix)", "true when the text ends so", texts("hasSuffix", func(s []string) any { return strings.HasSuffix(s[0], s[1]) }), of[func(string, string) bool]()),
		pure("indexOf", "indexOf(text, part)", "where the part first stands, in bytes; -1 when it does not", texts("indexOf", func(s []string) any { return int64(strings.Index(s[0], s[1])) }), of[func(string, string) int64]()),
		pure("lastIndexOf", "lastIndexOf(text, part)", "where the part last stands, in bytes; -1 when it does not", texts("lastIndexOf", func(s []string) any { return int64(strings.LastIndex(s[0], s[1])) }), of[func(string, string) int64]()),
		pure("split", "split(text, separator, n)", "the parts between separators, n at most", splitter("split", strings.SplitN), of[func(string, string) []any](), of[func(string, string, int64) []any]()),
		pure("splitAfter", "splitAfter(text, separator, n)", "the parts with their separators, n at most", splitter("splitAfter", strings.SplitAfterN), of[func(string, string) []any](), of[func(string, string, int64) []any]()),
		pure("replace", "replace(text, old, new, n)", "the text with old replaced by new, n times at most", replaceText, text3, of[func(string, string, string, int64) string]()),
		pure("repeat", "repeat(text, n)", "the text n times", repeatText, of[func(string, int64) string]()),
		pure("join", "join(list, separator)", "the items as one text", joinTexts, of[func([]any) string](), of[func([]any, string) string]()),
		pure("string", "string(x)", "a number, time, true or false as text; nil, lists and maps have none", stringOf, of[func(any) string]()),
		pure("toJSON", "toJSON(x)", "the value as JSON text", toJSON, of[func(any) string]()),
		pure("fromJSON", "fromJSON(text)", "the value of a JSON text", fromJSON, of[func(string) any]()),
		pure("base64", "base64(text)", "the text in base64 (RFC 4648, with padding)", texts("base64", func(s []string) any { return base64.StdEncoding.EncodeToString([]byte(s[0])) }), text1),
		pure("toBase64", "toBase64(text)", "the same as base64", texts("toBase64", func(s []string) any { return base64.StdEncoding.EncodeToString([]byte(s[0])) }), text1),
		pure("fromBase64", "fromBase64(text)", "the text that base64 holds", fromBase64, text1),
		pure("len", "len(x)", "characters of a text, items of a list, members of a map", lengthOf, of[func(any) int64]()),
		pure("type", "type(x)", "nil, bool, int, float, string, time, duration, array or map", typeName, of[func(any) string]()),
	}
}

func second(s []string, otherwise string) string {
	if len(s) > 1 {
		return s[1]
	}
	return otherwise
}

// texts makes a function of which all arguments are text.
func texts(name string, f func([]string) any) many {
	return func(args ...any) (any, error) {
		var few [3]string
		s := few[:len(args)]
		for i, a := range args {
			t, err := needText(name, a)
			if err != nil {
				return nil, err
			}
			s[i] = t
		}
		return f(s), nil
	}
}

func splitter(name string, split func(s, separator string, n int) []string) many {
	return func(args ...any) (any, error) {
		s, err := needText(name, args[0])
		if err != nil {
			return nil, err
		}
		separator, err := needText(name, args[1])
		if err != nil {
			return nil, err
		}
		n := int64(-1)
		if len(args) == 3 {
			if n, err = needInt(name, args[2]); err != nil {
				return nil, err
			}
		}
		parts := split(s, separator, int(max(-1, min(n, maxText))))
		out := make([]any, len(parts))
		for i, p := range parts {
			out[i] = p
		}
		return out, nil
	}
}

func replaceText(args ...any) (any, error) {
	var s [3]string
	for i := range s {
		t, err := needText("replace", args[i])
		if err != nil {
			return nil, err
		}
		s[i] = t
	}
	n := int64(strings.Count(s[0], s[1]))
	if len(args) == 4 {
		k, err := needInt("replace", args[3])
		if err != nil {
			return nil, err
		}
		if k >= 0 {
			n = min(n, k)
		}
	}
	if int64(len(s[0]))+n*int64(len(s[2])-len(s[1])) > maxText {
		return nil, fault("replace would make %s", tooLong)
	}
	return strings.Replace(s[0], s[1], s[2], int(n)), nil
}

func repeatText(args ...any) (any, error) {
	s, err := needText("repeat", args[0])
	if err != nil {
		return nil, err
	}
	n, err := needInt("repeat", args[1])
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, fault("repeat cannot repeat %d times", n)
	}
	if s != "" && n > int64(maxText/len(s)) {
		return nil, fault("repeat would make %s", tooLong)
	}
	return strings.Repeat(s, int(min(n, maxText))), nil
}

func joinTexts(args ...any) (any, error) {
	list, err := needList("join", args[0])
	if err != nil {
		return nil, err
	}
	glue := ""
	if len(args) == 2 {
		if glue, err = needText("join", args[1]); err != nil {
			return nil, err
		}
	}
	var out []byte
	for i, e := range list {
		if i > 0 {
			out = append(out, glue...)
		}
		if out, err = value.AppendText(out, e); err != nil {
			return nil, fault("join: item %d: %s", i, err)
		}
		if len(out) > maxText {
			return nil, fault("join would make %s", tooLong)
		}
	}
	return string(out), nil
}

func stringOf(args ...any) (any, error) {
	if s, ok := args[0].(string); ok {
		return s, nil
	}
	b, err := value.AppendText(nil, args[0])
	if err != nil {
		return nil, need("string", "a number, text, time, true or false", args[0])
	}
	return string(b), nil
}

func toJSON(args ...any) (any, error) {
	b, err := value.AppendJSON(nil, args[0])
	if err != nil {
		return nil, fault("toJSON: %s", err)
	}
	if len(b) > maxText {
		return nil, fault("toJSON would make %s", tooLong)
	}
	return string(b), nil
}

func fromJSON(args ...any) (any, error) {
	s, err := needText("fromJSON", args[0])
	if err != nil {
		return nil, err
	}
	v, err := value.DecodeJSON([]byte(s))
	if err != nil {
		return nil, fault("fromJSON: %s", err)
	}
	return v, nil
}

func fromBase64(args ...any) (any, error) {
	s, err := needText("fromBase64", args[0])
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, fault("fromBase64: this is no base64")
	}
	return string(b), nil
}

func lengthOf(args ...any) (any, error) {
	v, err := opened(args[0])
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case string:
		return int64(utf8.RuneCountInString(x)), nil
	case []any:
		return int64(len(x)), nil
	case map[string]any:
		return int64(len(x)), nil
	case value.Claims:
		return int64(len(x)), nil
	case value.Object:
		if !isNil(v) {
			return int64(len(x.Names())), nil
		}
	}
	return nil, need("len", "text, a list or a map", v)
}

func typeName(args ...any) (any, error) {
	v, err := opened(args[0])
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case bool:
		return "bool", nil
	case int64, int:
		return "int", nil
	case float64, value.Number:
		return "float", nil
	case string:
		return "string", nil
	case time.Time:
		return "time", nil
	case time.Duration:
		return "duration", nil
	case []any:
		return "array", nil
	case map[string]any, value.Claims, value.Object:
		return "map", nil
	case nil:
		return "nil", nil
	}
	return "unknown", nil
}
