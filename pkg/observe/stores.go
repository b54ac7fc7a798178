package observe

import "github.com/openmanifest/gateway/pkg/store"

// A pool is the connections of one store.
type pool struct {
	name  string
	stats func() store.Stats
}

// AddStore adds a store whose connections are shown. stats is asked once the application is
// open.
func (a *App) AddStore(name string, stats func() store.Stats) {
	a.pools = append(a.pools, pool{name, stats})
}

func (x *exposition) stores(pools []pool) {
	all := make([]store.Stats, len(pools))
	for i, p := range pools {
		all[i] = p.stats()
	}
	each := func(name, kind, help string, value func(s *store.Stats) float64) {
		x.family(name, kind, help)
		for i, p := range pools {
			x.sample(name, value(&all[i]), "store", p.name)
		}
	}
	each("gateway_store_connections_in_use", "gauge", "Connections that run a statement or a transaction.", func(s *store.Stats) float64 { return float64(s.InUse) })
	each("gateway_store_connections_idle", "gauge", "Connections that are open and free.", func(s *store.Stats) float64 { return float64(s.Idle) })
	each("gateway_store_connections_max", "gauge", "Connections there may be.", func(s *store.Stats) float64 { return float64(s.Max) })
	each("gateway_store_waits_total", "counter", "How often all connections were taken and one was waited for.", func(s *store.Stats) float64 { return float64(s.Waits) })
	each("gateway_store_wait_seconds_total", "counter", "How long connections were waited for, in all.", func(s *store.Stats) float64 { return s.Waited.Seconds() })
}
