package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ticksPerSecond is what Linux counts times in for programs, whatever its own clock ticks are.
const ticksPerSecond = 100

// writeProcess writes figures of this process; those that come from /proc are left out where there is none.
func writeProcess(w io.Writer) {
	if seconds, ok := startSeconds(); ok {
		writeFigure(w, "process_start_time_seconds", "gauge", "Start of the process, since 1970.", seconds)
	}
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

// startSeconds is when the kernel started this process, which on a busy machine is well before its first instruction:
// btime of /proc/stat and field 22 of /proc/self/stat, proc(5).
func startSeconds() (float64, bool) {
	system, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, false
	}
	_, afterBoot, _ := strings.Cut(string(system), "\nbtime ")
	boot, _, _ := strings.Cut(afterBoot, "\n")
	bootSeconds, err := strconv.ParseFloat(boot, 64)
	if err != nil {
		return 0, false
	}
	// The command's name, in parentheses, may contain anything; the state after it is field 3.
	fields := strings.Fields(string(own[strings.LastIndexByte(string(own), ')')+1:]))
	if len(fields) < 20 {
		return 0, false
	}
	ticks, err := strconv.ParseFloat(fields[22-3], 64)
	return bootSeconds + ticks/ticksPerSecond, err == nil
}
