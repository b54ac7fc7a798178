package resource

import (
	"crypto/sha256"
	"encoding/base64"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
)

// tagBytes is how much of a row's SHA-256 its ETag has.
const tagBytes = 15

// appendTag writes the ETag of one row (RFC 9110, section 8.8.3): strong, by its bytes.
func appendTag(dst, body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(base64.RawURLEncoding.AppendEncode(append(dst, '"'), sum[:tagBytes]), '"')
}

// tagColumns are the columns that a row's ETag is made of, kept behind its answer; none: it
// is made of its bytes. Those of rows with others in them, or in another form, always are.
func (x *rules) tagColumns(a *asked) []string {
	if x.entry.Version.Name == "" {
		return nil
	}
	if a.media.Stripped || a.list || a.media.Kind == postgrest.CSV {
		return nil
	}
	if a.Query != nil && slices.ContainsFunc(a.Select, func(item postgrest.Item) bool { return item.Kind == postgrest.Embed }) {
		return nil
	}
	return []string{x.entry.Version.Name}
}

// appendRowTag writes the ETag of a row, which was read with tagColumns kept.
func (x *rules) appendRowTag(dst, body []byte, kept [][]any) []byte {
	if len(kept) == 1 && len(kept[0]) == 1 && kept[0][0] != nil {
		return append(dst, versionTag(kept[0][0])...)
	}
	return appendTag(dst, body)
}

// appendListTag writes the ETag of a list: weak, since it is made for a cache to ask whether
// anything changed, and costs little for many rows.
func appendListTag(dst, body []byte) []byte {
	dst = append(dst, `W/"`...)
	dst = strconv.AppendUint(dst, uint64(crc32.ChecksumIEEE(body)), 36)
	dst = strconv.AppendUint(append(dst, '-'), uint64(crc32.Checksum(body, castagnoli)), 36)
	dst = strconv.AppendInt(append(dst, '-'), int64(len(body)), 36)
	return append(dst, '"')
}

// castagnoli is the polynomial that processors compute by themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// unchanged tells that the client has what it would be sent (RFC 9110, section 13.1.2).
func unchanged(c *pipeline.Context, tag string) bool {
	lines := c.R.Header["If-None-Match"]
	if len(lines) == 0 {
		return false
	}
	tag = strings.TrimPrefix(tag, "W/")
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}
