package shared

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
)

// PauseBucketsSeconds are the bounds wanted; those of the runtime that come next above them are used.
var PauseBucketsSeconds = []float64{
	0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
}

// Histogram has cumulative counts: Counts[i] is how many were below Bounds[i] seconds.
type Histogram struct {
	Bounds     []float64
	Counts     []uint64
	Count      uint64
	SumSeconds float64
}

// GCPauses are all times the garbage collector has stopped the program, two or more in each collection.
//
// client_golang's go_sched_pauses_total_gc_seconds has the same source, but only a bucket for each power of ten, and a
// sum made of the buckets' lower bounds, which can be a tenth of the truth (1.25). The runtime knows the exact sum.
func GCPauses() Histogram {
	pauses := readHistogram("/sched/pauses/total/gc:seconds")
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	pauses.SumSeconds = stats.PauseTotal.Seconds()
	return pauses
}

// SchedulerDelays are the times that goroutines were ready and waited to run. The sum is good to a few percent.
func SchedulerDelays() Histogram {
	return readHistogram("/sched/latencies:seconds")
}

func readHistogram(name string) Histogram {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return coarsen(sample[0].Value.Float64Histogram())
}

// coarsen keeps those bounds of the runtime that are next above PauseBucketsSeconds: it has hundreds.
func coarsen(fine *metrics.Float64Histogram) Histogram {
	var coarse Histogram
	wanted := PauseBucketsSeconds
	for i, count := range fine.Counts {
		lower, upper := fine.Buckets[i], fine.Buckets[i+1]
		coarse.Count += count
		coarse.SumSeconds += float64(count) * middle(lower, upper)
		if len(wanted) > 0 && upper >= wanted[0] && !math.IsInf(upper, 1) {
			coarse.Bounds = append(coarse.Bounds, upper)
			coarse.Counts = append(coarse.Counts, coarse.Count)
			for len(wanted) > 0 && wanted[0] <= upper {
				wanted = wanted[1:]
			}
		}
	}
	return coarse
}

func middle(lower, upper float64) float64 {
	if math.IsInf(lower, -1) {
		return 0
	}
	if math.IsInf(upper, 1) {
		return lower
	}
	return (lower + upper) / 2
}
