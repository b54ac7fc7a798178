package resource

import "github.com/openmanifest/gateway/pkg/handlers/internal/rows"

// plans keeps the statements of what requests ask.
type plans = rows.Statements
