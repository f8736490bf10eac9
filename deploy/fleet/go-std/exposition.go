package main

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"

	"fleet.example/shared"
)

// ServeHTTP writes Prometheus's text format.
func (m *serverMetrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.writeRequests(w)
	writeFigure(w, "http_requests_in_flight", "gauge", "Requests being answered.", m.inFlight.Load())
	writeFigure(w, "server_connections_open", "gauge", "Connections open now.", m.connections.Open.Load())
	writeFigure(w, "server_connections_accepted_total", "counter", "Connections accepted.", m.connections.Accepted.Load())
	writeFigure(w, "server_sent_bytes_total", "counter", "Bytes sent, headers included.", m.connections.SentBytes.Load())
	writeRuntime(w)
	writeProcess(w)
}

func (m *serverMetrics) writeRequests(w io.Writer) {
	header(w, "http_requests_total", "counter", "Requests answered.")
	m.latencies.Range(func(key, value any) bool {
		fmt.Fprintf(w, "http_requests_total{%s} %d\n", key.(seriesKey).labels(), value.(*latency).count())
		return true
	})
	header(w, "http_request_duration_seconds", "histogram", "Time to answer a request.")
	m.latencies.Range(func(key, value any) bool {
		writeHistogram(w, "http_request_duration_seconds", key.(seriesKey).labels(), value.(*latency).histogram())
		return true
	})
}

// labels has nothing to escape: methods, routes and codes are those that the server knows.
func (k seriesKey) labels() string {
	return fmt.Sprintf("code=%q,method=%q,route=%q", k.code, k.method, k.route)
}

func (l *latency) histogram() shared.Histogram {
	histogram := shared.Histogram{Bounds: shared.LatencyBucketsSeconds}
	for i := range l.buckets {
		histogram.Count += uint64(l.buckets[i].Load())
		histogram.Counts = append(histogram.Counts, histogram.Count)
	}
	histogram.Counts = histogram.Counts[:len(histogram.Bounds)]
	histogram.SumSeconds = float64(l.sumNs.Load()) / 1e9
	return histogram
}

func writeRuntime(w io.Writer) {
	header(w, "runtime_gc_pause_seconds", "histogram", "Time the runtime was stopped by a garbage collection.")
	writeHistogram(w, "runtime_gc_pause_seconds", `runtime="go",kind="other"`, shared.GCPauses())
	header(w, "runtime_stall_seconds", "histogram", "Time that goroutines which were ready waited to run.")
	writeHistogram(w, "runtime_stall_seconds", `runtime="go",source="scheduler"`, shared.SchedulerDelays())

	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	header(w, "go_gc_duration_seconds", "summary", "Pauses by collection, as client_golang names them.")
	fmt.Fprintf(w, "go_gc_duration_seconds_sum %v\n", stats.PauseTotal.Seconds())
	fmt.Fprintf(w, "go_gc_duration_seconds_count %d\n", stats.NumGC)
	writeFigure(w, "go_goroutines", "gauge", "Goroutines.", runtime.NumGoroutine())
}

func writeHistogram(w io.Writer, name, labels string, histogram shared.Histogram) {
	for i, bound := range histogram.Bounds {
		le := strconv.FormatFloat(bound, 'g', -1, 64)
		fmt.Fprintf(w, "%s_bucket{%s,le=\"%s\"} %d\n", name, labels, le, histogram.Counts[i])
	}
	fmt.Fprintf(w, "%s_bucket{%s,le=\"+Inf\"} %d\n", name, labels, histogram.Count)
	fmt.Fprintf(w, "%s_sum{%s} %v\n%s_count{%s} %d\n", name, labels, histogram.SumSeconds, name, labels, histogram.Count)
}

func writeFigure(w io.Writer, name, kind, help string, value any) {
	header(w, name, kind, help)
	fmt.Fprintf(w, "%s %v\n", name, value)
}

func header(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}
