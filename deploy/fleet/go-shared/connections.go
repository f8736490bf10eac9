package shared

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Connections counts the connections of a server and the bytes it sends.
type Connections struct {
	Open      atomic.Int64
	Accepted  atomic.Int64
	SentBytes atomic.Int64
}

type connectionKey struct{}

// WithConnection is for http.Server's ConnContext, so that LeaveOutScrapes finds the connection of a request.
func WithConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// LeaveOutScrapes keeps what next sends out of SentBytes: a connection that asks for metrics is a scraper's.
func LeaveOutScrapes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(connectionKey{}).(*countedConn); ok {
			conn.isScraper.Store(true)
		}
		next.ServeHTTP(w, r)
	})
}

// Listen opens a TCP listener whose connections are counted.
func (c *Connections) Listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &countedListener{listener, c}, nil
}

type countedListener struct {
	net.Listener
	connections *Connections
}

func (l *countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.connections.Accepted.Add(1)
	l.connections.Open.Add(1)
	return &countedConn{Conn: conn, connections: l.connections}, nil
}

type countedConn struct {
	net.Conn
	connections *Connections
	isScraper   atomic.Bool
	closed      sync.Once
}

func (c *countedConn) Write(data []byte) (int, error) {
	written, err := c.Conn.Write(data)
	if !c.isScraper.Load() {
		c.connections.SentBytes.Add(int64(written))
	}
	return written, err
}

func (c *countedConn) Close() error {
	c.closed.Do(func() { c.connections.Open.Add(-1) })
	return c.Conn.Close()
}
