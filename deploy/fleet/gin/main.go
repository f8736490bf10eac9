// The shop on Gin, measured with client_golang.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"fleet.example/shared"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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

func routes(metrics *serverMetrics) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery())
	// Not measured: what is registered before the middleware is left out by it.
	exposition := promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{})
	router.GET("/metrics", gin.WrapH(shared.LeaveOutScrapes(exposition)))

	router.Use(metrics.measure)
	router.GET("/", func(c *gin.Context) { c.String(http.StatusOK, shared.Greeting) })
	router.GET("/product/:id", func(c *gin.Context) {
		product, problem := shared.FindProduct(c.Param("id"))
		answer(c, product, problem)
	})
	router.POST("/pay", func(c *gin.Context) {
		payment, problem := shared.Pay(http.MaxBytesReader(c.Writer, c.Request.Body, shared.BodyMaxBytes))
		answer(c, payment, problem)
	})
	router.GET("/slow", func(c *gin.Context) {
		text, problem := shared.Slow(c.Query("ms"))
		answer(c, text, problem)
	})
	router.GET("/fail", func(c *gin.Context) {
		text, problem := shared.Fail(c.Query("rate"))
		answer(c, text, problem)
	})
	return router
}

func answer(c *gin.Context, value any, problem *shared.Problem) {
	if problem != nil {
		c.JSON(problem.Status, problem)
		return
	}
	if text, ok := value.(string); ok {
		c.String(http.StatusOK, "%s", text)
		return
	}
	c.JSON(http.StatusOK, value)
}
