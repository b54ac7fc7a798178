// Package changeset is Phoenix's cast and validation (Ecto.Changeset) over the fields of a
// schema: what a stranger sent becomes values of the fields' types, or messages by field.
// The messages are Ecto's own, so that a form shows what Phoenix's would.
package changeset
