package routes

import "strings"

// A Host is the name that a scope is limited to. The zero value is any host.
type Host struct {
	open  []string // the labels from the left that stand for any: their names, "" for *
	fixed string   // what follows them, in small letters
}

// maxHost is the length of the longest name that DNS knows, in bytes (RFC 1035, 2.3.4).
const maxHost = 253

// ParseHost reads the host of a scope: "" for any, an exact name, or a name whose first
// labels are * or {name}. Such a label stands for exactly one label, as in a certificate
// (RFC 6125, 6.4.3), and {name} puts it into the parameters. Case does not matter.
func ParseHost(s string) (Host, *PatternError) {
	var h Host
	if s == "" {
		return h, nil
	}
	if len(s) > maxHost {
		return h, &PatternError{0, len(s), "the host is longer than a name can be", ""}
	}
	at := 0
	for label := range strings.SplitSeq(s, ".") {
		end := at + len(label)
		name, isOpen, err := openLabel(label, at)
		switch {
		case err != nil:
			return Host{}, err
		case isOpen && h.fixed != "":
			return Host{}, &PatternError{at, end, label + " stands behind a fixed label", "only the first labels of a host can be open"}
		case isOpen && name != "" && h.captures(name):
			return Host{}, &PatternError{at, end, "the name " + name + " is taken by an earlier label", "give each label a name of its own"}
		case isOpen:
			h.open = append(h.open, name)
		default:
			if err := checkLabel(s, label, at); err != nil {
				return Host{}, err
			}
			h.fixed += "." + strings.ToLower(label)
		}
		at = end + 1
	}
	if h.fixed == "" {
		return Host{}, &PatternError{0, len(s), "the host names no domain", "leave `host` out to take any"}
	}
	h.fixed = h.fixed[1:]
	return h, nil
}

// openLabel reads * and {name}.
func openLabel(label string, at int) (name string, ok bool, err *PatternError) {
	if label == "*" {
		return "", true, nil
	}
	if !strings.HasPrefix(label, "{") || !strings.HasSuffix(label, "}") {
		return "", false, nil
	}
	name = label[1 : len(label)-1]
	if !validName(name) {
		return "", false, &PatternError{at, at + len(label), "\"" + name + "\" is no name for a parameter", "letters, digits and _, beginning with a small letter or _"}
	}
	return name, true, nil
}

func checkLabel(host, label string, at int) *PatternError {
	if label == "" {
		return &PatternError{at, min(at+1, len(host)), "an empty label in the host", "write one dot between two labels and none at the ends"}
	}
	for i, c := range label {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		case c == ':':
			return &PatternError{at + i, len(host), "a host has no port here", "a scope answers on every port that is listened to"}
		case c == '*' || c == '{' || c == '}':
			return &PatternError{at, at + len(label), label + " mixes fixed and open text", "let * or {name} be a whole label"}
		case c == '/':
			return &PatternError{at + i, len(host), "a host has no path", "write it as the scope's `path`"}
		default:
			return &PatternError{at + i, at + i + len(string(c)), "a host has letters, digits, - and _ only", "write an international name as xn--..."}
		}
	}
	return nil
}

// String gives the host in small letters, "" for any.
func (h Host) String() string {
	var b strings.Builder
	for _, name := range h.open {
		if name == "" {
			b.WriteString("*.")
		} else {
			b.WriteString("{" + name + "}.")
		}
	}
	return b.String() + h.fixed
}

// Names lists the labels that go into the parameters, from the left.
func (h Host) Names() []string {
	var names []string
	for _, name := range h.open {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

func (h Host) captures(name string) bool {
	for _, n := range h.open {
		if n == name {
			return true
		}
	}
	return false
}

// rank orders hosts that match one request: lower wins.
func (h Host) rank() int {
	if h.fixed == "" {
		return maxHost
	}
	return len(h.open)
}

// matches tells whether a host, as hostName gives it, is meant.
func (h Host) matches(name string) bool {
	if h.fixed == "" {
		return true
	}
	for range h.open {
		label, after, ok := strings.Cut(name, ".")
		if !ok || label == "" {
			return false
		}
		name = after
	}
	return name == h.fixed
}

// hostName takes the port and a dot at the end off the Host of a request and makes its
// letters small.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
