package sqlite

import "github.com/openmanifest/gateway/pkg/store"

// noRows as the limit of a rowsOutput drops the rows.
const noRows = -1

// output takes what a run gives. A run that is repeated begins it again.
type output interface {
	begin()
	row(c *conn, p *prepared) error
	end(p *prepared, affected int64)
}

// rowsOutput gathers rows of plain values.
type rowsOutput struct {
	limit  int
	result *store.Result
}

func (o *rowsOutput) begin() { o.result = &store.Result{} }

func (o *rowsOutput) row(c *conn, p *prepared) error {
	if o.limit == noRows {
		return nil
	}
	if len(o.result.Rows) == 0 {
		p.refresh(c.options.Hidden)
	}
	if len(o.result.Rows) == o.limit {
		return store.TooManyRows(o.limit)
	}
	row := make([]any, len(p.kinds))
	if err := p.stmt.Columns(row...); err != nil {
		return err
	}
	for i, k := range p.kinds {
		row[i] = readKind(k, row[i])
	}
	o.result.Rows = append(o.result.Rows, row)
	return nil
}

func (o *rowsOutput) end(p *prepared, affected int64) {
	o.result.Affected = affected
	if o.limit != noRows {
		o.result.Columns = p.columns
	}
}

// jsonOutput writes rows as objects, or as lines of CSV, behind dst.
type jsonOutput struct {
	shape   *store.Shape
	limit   int
	dst     []byte
	encoded store.Encoded
}

func (o *jsonOutput) begin() { o.encoded = store.Encoded{JSON: o.dst} }

func (o *jsonOutput) row(c *conn, p *prepared) error {
	if o.encoded.Rows == o.limit {
		return store.TooManyRows(o.limit)
	}
	if o.encoded.Rows == 0 {
		p.refresh(c.options.Hidden)
	}
	e := p.encode(o.shape)
	switch {
	case e.shape.CSV:
		o.encoded.JSON = e.line(o.encoded.JSON, p.stmt)
	default:
		if o.encoded.Rows > 0 {
			o.encoded.JSON = append(o.encoded.JSON, ',')
		}
		o.encoded.JSON = e.object(o.encoded.JSON, p.stmt)
	}
	if len(e.kept) > 0 {
		if !e.shape.KeptLast || o.encoded.Kept == nil {
			o.encoded.Kept = append(o.encoded.Kept, make([]any, len(e.kept)))
		}
		e.keep(o.encoded.Kept[len(o.encoded.Kept)-1], p.stmt)
	}
	o.encoded.Rows++
	return p.stmt.Err() // a value could not be read
}

func (o *jsonOutput) end(_ *prepared, affected int64) { o.encoded.Affected = affected }
