package value

// A Payload is what a message carries: JSON, or bytes that mean nothing to us.
type Payload struct {
	Bytes  []byte
	Binary bool
}

// JSON is a payload of JSON text. No bytes at all stand for {}.
func JSON(text []byte) Payload { return Payload{Bytes: text} }
