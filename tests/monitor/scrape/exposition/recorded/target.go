// A target with histograms of every kind. It starts empty and observes what POST /observe tells it to.
package main

import (
	"fmt"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	registry := prometheus.NewRegistry()
	native := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "native_seconds", Help: "Native only.", NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 40,
	}, []string{"path"})
	both := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "both_seconds", Help: "Native and classic.", Buckets: []float64{0.1, 1, 10}, NativeHistogramBucketFactor: 1.5,
	}, []string{"path"})
	classic := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "classic_seconds", Help: "Classic only.", Buckets: []float64{0.1, 1, 10},
	}, []string{"path"})
	summary := prometheus.NewSummary(prometheus.SummaryOpts{
		Name: "summary_seconds", Help: "Quantiles.", Objectives: map[float64]float64{0.5: 0.05, 0.99: 0.001},
	})
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "observations_total", Help: "With an exemplar."})
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "observed", Help: "The last one."})
	untyped := prometheus.NewUntypedFunc(prometheus.UntypedOpts{Name: "untyped"}, func() float64 { return math.Inf(1) })
	registry.MustRegister(native, both, classic, summary, counter, gauge, untyped)

	http.HandleFunc("/observe", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.FormValue("from"))
		to, _ := strconv.Atoi(r.FormValue("to"))
		for i := from; i < to; i++ {
			value := math.Exp(float64(i%97)/10-5) * float64(1-2*(i%5/4))
			path := fmt.Sprintf("/%d", i%3)
			native.WithLabelValues(path).Observe(value)
			both.WithLabelValues(path).(prometheus.ExemplarObserver).ObserveWithExemplar(value, prometheus.Labels{"trace": path})
			classic.WithLabelValues(path).Observe(value)
			summary.Observe(value)
			counter.(prometheus.ExemplarAdder).AddWithExemplar(1, prometheus.Labels{"trace": path})
			gauge.Set(value)
		}
	})
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(os.Stdout, "%d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, nil))
}
