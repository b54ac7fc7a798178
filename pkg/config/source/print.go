package source

import (
	"bytes"
	"encoding/json"
	"strings"
)

// AppendYAML appends a tree as YAML that reads back as the same tree, a line for each value.
func AppendYAML(b []byte, n *Node) []byte { return appendBlock(b, n, 0) }

func appendBlock(b []byte, n *Node, depth int) []byte {
	switch {
	case n.Kind == Map && len(n.Entries) > 0:
		for i, e := range n.Entries {
			if i > 0 {
				b = indent(b, depth)
			}
			b = append(appendScalar(b, e.Key), ':')
			b = appendUnder(b, e.Value, depth)
		}
		return b
	case n.Kind == List && len(n.Items) > 0:
		for i, item := range n.Items {
			if i > 0 {
				b = indent(b, depth)
			}
			b = append(b, '-')
			if empty(item) || item.Kind == List {
				b = appendUnder(b, item, depth)
				continue
			}
			b = append(b, ' ')
			b = appendBlock(b, item, depth+1)
		}
		return b
	}
	return append(appendLeaf(b, n), '\n')
}

// appendUnder appends what stands behind a colon or a dash: on the line, or below it.
func appendUnder(b []byte, n *Node, depth int) []byte {
	if n == nil || empty(n) {
		return append(appendLeaf(append(b, ' '), n), '\n')
	}
	b = append(b, '\n')
	return appendBlock(indent(b, depth+1), n, depth+1)
}

// empty tells what fits on one line.
func empty(n *Node) bool {
	return n.Kind == Scalar || len(n.Entries) == 0 && len(n.Items) == 0
}

func indent(b []byte, depth int) []byte { return append(b, strings.Repeat("  ", depth)...) }

func appendLeaf(b []byte, n *Node) []byte {
	switch {
	case n == nil:
		return append(b, "null"...)
	case n.Kind == Map:
		return append(b, "{}"...)
	case n.Kind == List:
		return append(b, "[]"...)
	}
	return appendScalar(b, n)
}

func appendScalar(b []byte, n *Node) []byte {
	if v := Resolve(n.Value); !n.Quoted && n.Value != "" {
		if _, text := v.(string); !text {
			return append(b, n.Value...)
		}
	}
	if !n.Quoted && n.Value == "" {
		return append(b, "null"...)
	}
	if plainWord(n.Value) {
		return append(b, n.Value...)
	}
	return appendQuoted(b, n.Value)
}

// plainWord tells a text that YAML reads as itself without quotes.
func plainWord(s string) bool {
	if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/.") != "" || s[0] == '-' || s[0] == '.' {
		return false
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false // for readers of older YAML
	}
	_, text := Resolve(s).(string)
	return text && (s[0] < '0' || s[0] > '9')
}

// appendQuoted appends a text in double quotes: what JSON escapes YAML reads.
func appendQuoted(b []byte, s string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a text always has a form
	return append(b, bytes.TrimRight(out.Bytes(), "\n")...)
}

// AppendJSON appends a tree as JSON, its keys in the order written.
func AppendJSON(b []byte, n *Node) []byte {
	switch {
	case n == nil:
		return append(b, "null"...)
	case n.Kind == Map:
		b = append(b, '{')
		for i, e := range n.Entries {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendQuoted(b, e.Key.Value), ':')
			b = AppendJSON(b, e.Value)
		}
		return append(b, '}')
	case n.Kind == List:
		b = append(b, '[')
		for i, item := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendJSON(b, item)
		}
		return append(b, ']')
	}
	v := n.Scalar()
	if encoded, err := json.Marshal(v); err == nil {
		if _, text := v.(string); !text {
			return append(b, encoded...)
		}
	}
	return appendQuoted(b, n.Value) // also of a number that JSON does not have
}
