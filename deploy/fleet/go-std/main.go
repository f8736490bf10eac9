// The shop on Go's standard library and nothing else.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"fleet.example/shared"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	address, err := shared.ListenAddress()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	metrics := newServerMetrics()
	expvar.Publish("http", expvar.Func(metrics.snapshot))
	listener, err := metrics.connections.Listen(address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           routes(metrics),
		ReadHeaderTimeout: shared.HeaderTimeout,
		IdleTimeout:       shared.Idle,
		ConnContext:       shared.WithConnection,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Printf("listening on http://%s", address)

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), shared.Grace)
	defer cancel()
	if err := server.Shutdown(grace); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	log.Printf("stopped with requests still open after %s", shared.Grace)
	return nil
}

// routes serves the shop measured, and what there is to know about it unmeasured.
func routes(metrics *serverMetrics) http.Handler {
	shop := http.NewServeMux()
	shop.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { writeText(w, shared.Greeting, nil) })
	shop.HandleFunc("GET /product/{id}", func(w http.ResponseWriter, r *http.Request) {
		product, problem := shared.FindProduct(r.PathValue("id"))
		writeJSON(w, product, problem)
	})
	shop.HandleFunc("POST /pay", func(w http.ResponseWriter, r *http.Request) {
		payment, problem := shared.Pay(http.MaxBytesReader(w, r.Body, shared.BodyMaxBytes))
		writeJSON(w, payment, problem)
	})
	shop.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		text, problem := shared.Slow(r.URL.Query().Get("ms"))
		writeText(w, text, problem)
	})
	shop.HandleFunc("GET /fail", func(w http.ResponseWriter, r *http.Request) {
		text, problem := shared.Fail(r.URL.Query().Get("rate"))
		writeText(w, text, problem)
	})

	all := http.NewServeMux()
	all.Handle("GET /metrics", shared.LeaveOutScrapes(metrics))
	all.Handle("GET /debug/vars", shared.LeaveOutScrapes(expvar.Handler()))
	all.Handle("/", metrics.measure(shop))
	return all
}

func writeText(w http.ResponseWriter, text string, problem *shared.Problem) {
	if problem != nil {
		writeJSON(w, nil, problem)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // it fails when the client has gone away
}

func writeJSON(w http.ResponseWriter, value any, problem *shared.Problem) {
	status := http.StatusOK
	if problem != nil {
		status, value = problem.Status, problem
	}
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
