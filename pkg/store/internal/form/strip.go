package form

// AppendStripped writes valid JSON behind dst without the members that are null, at any depth, as
// json_strip_nulls does. dst and json may share their memory, since nothing grows.
func AppendStripped(dst, json []byte) []byte {
	var inside []byte // the brackets that are open
	member := 0       // where the member being written begins in dst
	key := false      // what comes next is a key
	for i := 0; i < len(json); i++ {
		switch c := json[i]; c {
		case ' ', '\t', '\r', '\n':
		case '{', '[':
			inside, key = append(inside, c), c == '{'
			dst = append(dst, c)
		case '}', ']':
			inside, key = inside[:len(inside)-1], false
			dst = append(dst, c)
		case ',':
			if key = inside[len(inside)-1] == '{'; !key {
				dst = append(dst, c)
			}
		case '"':
			end := stringEnd(json, i)
			if key {
				member, key = len(dst), false
				if dst[member-1] != '{' {
					dst = append(dst, ',')
				}
			}
			dst = append(dst, json[i:end]...)
			i = end - 1
		case 'n':
			if n := len(inside); n > 0 && inside[n-1] == '{' {
				dst = dst[:member]
			} else {
				dst = append(dst, "null"...)
			}
			i += len("null") - 1
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// stringEnd finds the end of the string that begins at i.
func stringEnd(json []byte, i int) int {
	for i++; i < len(json) && json[i] != '"'; i++ {
		if json[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(json))
}
