package main

import (
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fleet.example/shared"
)

// seriesKey tells requests apart.
type seriesKey struct{ method, route, code string }

// latency counts requests by bucket, not cumulated; the last bucket is for all that took longer.
type latency struct {
	buckets []atomic.Int64
	sumNs   atomic.Int64
}

func newLatency() *latency {
	return &latency{buckets: make([]atomic.Int64, len(shared.LatencyBucketsSeconds)+1)}
}

func (l *latency) observe(duration time.Duration) {
	l.buckets[sort.SearchFloat64s(shared.LatencyBucketsSeconds, duration.Seconds())].Add(1)
	l.sumNs.Add(int64(duration))
}

func (l *latency) count() (count int64) {
	for i := range l.buckets {
		count += l.buckets[i].Load()
	}
	return count
}

// serverMetrics are what expvar and /metrics show.
type serverMetrics struct {
	connections shared.Connections
	inFlight    atomic.Int64
	latencies   sync.Map // of seriesKey to *latency: written once for each series, read for each request
}

func newServerMetrics() *serverMetrics { return &serverMetrics{} }

func (m *serverMetrics) measure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.inFlight.Add(1)
		defer m.inFlight.Add(-1)
		start := time.Now()
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		m.latency(r.Method, r.Pattern, recorder.status).observe(time.Since(start))
	})
}

// latency of a route that the mux has matched with pattern, as in "GET /product/{id}".
func (m *serverMetrics) latency(method, pattern string, status int) *latency {
	_, route, _ := strings.Cut(pattern, " ")
	key := seriesKey{shared.MethodLabel(method), strings.TrimSuffix(route, "{$}"), strconv.Itoa(status)}
	if found, ok := m.latencies.Load(key); ok {
		return found.(*latency)
	}
	found, _ := m.latencies.LoadOrStore(key, newLatency())
	return found.(*latency)
}

// snapshot is what expvar shows as "http".
func (m *serverMetrics) snapshot() any {
	requests := map[string]int64{}
	m.latencies.Range(func(key, value any) bool {
		k := key.(seriesKey)
		requests[fmt.Sprintf("%s %s %s", k.method, k.route, k.code)] = value.(*latency).count()
		return true
	})
	return map[string]any{
		"requests":             requests,
		"in_flight":            m.inFlight.Load(),
		"connections_open":     m.connections.Open.Load(),
		"connections_accepted": m.connections.Accepted.Load(),
		"sent_bytes":           m.connections.SentBytes.Load(),
	}
}

// statusRecorder remembers the status that a handler writes.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
