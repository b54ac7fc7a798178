package app

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/handlers/ops"
	"github.com/openmanifest/gateway/pkg/handlers/proxy"
	"github.com/openmanifest/gateway/pkg/handlers/render"
	"github.com/openmanifest/gateway/pkg/handlers/respond"
	"github.com/openmanifest/gateway/pkg/handlers/static"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/plugs/browser"
	"github.com/openmanifest/gateway/pkg/plugs/channel"
	"github.com/openmanifest/gateway/pkg/plugs/crypto"
	"github.com/openmanifest/gateway/pkg/plugs/data"
	"github.com/openmanifest/gateway/pkg/plugs/messages"
	"github.com/openmanifest/gateway/pkg/plugs/request"
	"github.com/openmanifest/gateway/pkg/plugs/traffic"
	"github.com/openmanifest/gateway/pkg/plugs/values"
	"github.com/openmanifest/gateway/pkg/plugs/who"
)

// Plugs lists every plug that a manifest can name.
func Plugs() []*pipeline.Def {
	return slices.Concat(request.All(), browser.All(), traffic.All(), who.All(), values.All(), data.All(), crypto.All(), messages.All(),
		channel.All(), respond.All(), ops.All(), openapi.All(), render.All(), static.All(), proxy.All())
}
