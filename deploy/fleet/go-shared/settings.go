// Package shared is what the two Go servers of the fleet have in common. It needs nothing but the standard library.
package shared

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

const (
	// BodyMaxBytes limits a request's body; a payment has about 50.
	BodyMaxBytes = 64 << 10
	// Grace is how long open requests may take after SIGTERM.
	Grace = 5 * time.Second
	// Idle is how long a connection may stay open without a request.
	Idle = 75 * time.Second
	// HeaderTimeout is how long a client may take to send a request's headers.
	HeaderTimeout = 10 * time.Second
)

// LatencyBucketsSeconds are upper bounds: a fast server answers in much less than a millisecond.
var LatencyBucketsSeconds = []float64{
	0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
}

// ListenAddress is HOST (127.0.0.1 if unset) and PORT of the environment.
func ListenAddress() (string, error) {
	host := os.Getenv("HOST")
	if host == "" {
		host = "127.0.0.1"
	}
	port := os.Getenv("PORT")
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return "", fmt.Errorf("PORT: got %q, want 1 to 65535", port)
	}
	return net.JoinHostPort(host, port), nil
}
