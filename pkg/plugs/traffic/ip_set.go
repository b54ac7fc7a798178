package traffic

import (
	"cmp"
	"net/netip"
	"slices"
)

// An ipSet is a set of addresses as ranges that are sorted and do not touch, so that a list
// of thousands costs no more than a dozen comparisons. An IPv4 address and the same one
// mapped into IPv6 are one.
type ipSet []ipRange

type ipRange struct{ first, last netip.Addr }

func newIPSet(prefixes []netip.Prefix) ipSet {
	set := make(ipSet, 0, len(prefixes))
	for _, p := range prefixes {
		p = p.Masked()
		set = append(set, ipRange{p.Addr(), lastOf(p)})
	}
	slices.SortFunc(set, func(a, b ipRange) int { return cmp.Or(a.first.Compare(b.first), a.last.Compare(b.last)) })
	merged := set[:0]
	for _, r := range set {
		if n := len(merged); n > 0 && r.first.BitLen() == merged[n-1].last.BitLen() && r.first.Compare(merged[n-1].last) <= 0 {
			if r.last.Compare(merged[n-1].last) > 0 {
				merged[n-1].last = r.last
			}
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// lastOf is the address of a prefix with all host bits set.
func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(bytes)
	return a
}

func (s ipSet) has(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	i, exact := slices.BinarySearchFunc(s, a, func(r ipRange, a netip.Addr) int { return r.first.Compare(a) })
	if exact {
		return true
	}
	return i > 0 && s[i-1].last.BitLen() == a.BitLen() && s[i-1].last.Compare(a) >= 0
}

// parseRange reads an address or a CIDR. A zone belongs to one machine's wiring and is no
// part of a range.
func parseRange(text string) (p netip.Prefix, hint string) {
	const form = "such as 10.0.0.0/8, 2001:db8::/32 or a single address"
	a, err := netip.ParseAddr(text)
	if err == nil {
		if a.Zone() != "" {
			return p, "leave the zone (%" + a.Zone() + ") out"
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	if p, err = netip.ParsePrefix(text); err != nil {
		return p, form
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return p, form
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return p, "write " + p.Masked().String() + ", or the address alone"
	}
	return p, ""
}
