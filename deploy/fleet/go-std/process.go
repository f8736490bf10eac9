package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var startSeconds = float64(time.Now().UnixMilli()) / 1e3

// writeProcess writes figures of this process; those that come from /proc are left out where there is none.
func writeProcess(w io.Writer) {
	writeFigure(w, "process_start_time_seconds", "gauge", "Start of the process, since 1970.", startSeconds)
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		seconds := float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
		writeFigure(w, "process_cpu_seconds_total", "counter", "CPU time of all threads.", seconds)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		writeFigure(w, "process_max_fds", "gauge", "Limit of open files.", limit.Cur)
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		writeFigure(w, "process_open_fds", "gauge", "Open files, sockets included.", len(files))
	}
	if pages, ok := residentPages(); ok {
		writeFigure(w, "process_resident_memory_bytes", "gauge", "Memory in RAM.", pages*os.Getpagesize())
	}
}

// residentPages is the second field of statm, proc(5).
func residentPages() (int, bool) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.Atoi(fields[1])
	return pages, err == nil
}
