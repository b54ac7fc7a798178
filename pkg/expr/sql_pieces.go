package expr

// Pieces gives the text around the placeholders: one more than there are values, so that the
// statement can become part of another one, which numbers its places itself.
func (q *SQL) Pieces() []string {
	var out []string
	from := 0
	for _, p := range q.pieces {
		if !p.parameter {
			continue
		}
		out = append(out, q.Text[from:p.at])
		from = p.at + 1
		for from < len(q.Text) && q.Text[from] >= '0' && q.Text[from] <= '9' {
			from++
		}
	}
	return append(out, q.Text[from:])
}
