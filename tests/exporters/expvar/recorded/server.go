// Serves /debug/vars; /collect?times=N collects garbage N times. The one argument is the address.
package main

import (
	"expvar"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
)

func main() {
	byPath := expvar.NewMap("requests_by_path")
	expvar.NewFloat("load.average").Set(0.25)
	http.HandleFunc("/collect", func(w http.ResponseWriter, r *http.Request) {
		byPath.Add(r.URL.Path, 1)
		times, _ := strconv.Atoi(r.URL.Query().Get("times"))
		for i := 0; i < times; i++ {
			runtime.GC()
		}
	})
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	panic(http.Serve(listener, nil))
}
