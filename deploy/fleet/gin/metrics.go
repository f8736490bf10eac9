package main

import (
	"strconv"
	"time"

	"fleet.example/shared"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type serverMetrics struct {
	registry    *prometheus.Registry
	connections shared.Connections
	requests    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	inFlight    prometheus.Gauge
}

func newServerMetrics() *serverMetrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newRuntimeHistogram("runtime_gc_pause_seconds", "Time the runtime was stopped by a garbage collection.",
			prometheus.Labels{"runtime": "go", "kind": "other"}, shared.GCPauses),
		newRuntimeHistogram("runtime_stall_seconds", "Time that goroutines which were ready waited to run.",
			prometheus.Labels{"runtime": "go", "source": "scheduler"}, shared.SchedulerDelays),
	)
	factory := promauto.With(registry)
	labels := []string{"code", "method", "route"}
	metrics := &serverMetrics{
		registry: registry,
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered.",
		}, labels),
		duration: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time to answer a request.", Buckets: shared.LatencyBucketsSeconds,
		}, labels),
		inFlight: factory.NewGauge(prometheus.GaugeOpts{
			Name: "http_requests_in_flight", Help: "Requests being answered.",
		}),
	}
	metrics.registerConnections(factory)
	return metrics
}

func (m *serverMetrics) registerConnections(factory promauto.Factory) {
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "server_connections_open", Help: "Connections open now.",
	}, func() float64 { return float64(m.connections.Open.Load()) })
	factory.NewCounterFunc(prometheus.CounterOpts{
		Name: "server_connections_accepted_total", Help: "Connections accepted.",
	}, func() float64 { return float64(m.connections.Accepted.Load()) })
	factory.NewCounterFunc(prometheus.CounterOpts{
		Name: "server_sent_bytes_total", Help: "Bytes sent, headers included.",
	}, func() float64 { return float64(m.connections.SentBytes.Load()) })
}

// measure is a middleware. The route is empty if none has matched: raw paths would be a series each.
func (m *serverMetrics) measure(c *gin.Context) {
	m.inFlight.Inc()
	defer m.inFlight.Dec()
	start := time.Now()
	c.Next()
	labels := []string{strconv.Itoa(c.Writer.Status()), shared.MethodLabel(c.Request.Method), c.FullPath()}
	m.requests.WithLabelValues(labels...).Inc()
	m.duration.WithLabelValues(labels...).Observe(time.Since(start).Seconds())
}

// runtimeHistogram is a histogram that Go's runtime keeps.
type runtimeHistogram struct {
	desc *prometheus.Desc
	read func() shared.Histogram
}

func newRuntimeHistogram(name, help string, labels prometheus.Labels, read func() shared.Histogram) *runtimeHistogram {
	return &runtimeHistogram{prometheus.NewDesc(name, help, nil, labels), read}
}

func (h *runtimeHistogram) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- h.desc }

func (h *runtimeHistogram) Collect(collected chan<- prometheus.Metric) {
	histogram := h.read()
	buckets := make(map[float64]uint64, len(histogram.Bounds))
	for i, bound := range histogram.Bounds {
		buckets[bound] = histogram.Counts[i]
	}
	collected <- prometheus.MustNewConstHistogram(h.desc, histogram.Count, histogram.SumSeconds, buckets)
}
