// Makes garbage. Run with GODEBUG=gctrace=1; the one argument is the number of rounds.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
)

var keep [][]byte

func main() {
	rounds, _ := strconv.Atoi(os.Args[1])
	for round := 0; round < rounds; round++ {
		for i := 0; i < 400; i++ {
			keep = append(keep, make([]byte, 4096))
			keep[i%len(keep)] = make([]byte, 16384)
		}
		if round%10 == 9 {
			keep = nil
			runtime.GC()
			fmt.Fprintf(os.Stderr, "round %d done\n", round)
		}
	}
}
