"use strict";

const fs = require("node:fs");
const { performance } = require("node:perf_hooks");

/** What Linux counts times in for programs, whatever its own clock ticks are. */
const TICKS_PER_SECOND = 100;

/** What prom-client calls these figures. */
class ProcessFigures {
  constructor() {
    this.startSeconds = startSeconds();
  }

  collect(exposition) {
    const { user, system } = process.cpuUsage();
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    exposition.figure("process_cpu_seconds_total", "counter", "CPU time of all threads.", (user + system) / 1e6);
    exposition.figure("process_cpu_user_seconds_total", "counter", "CPU time in user mode.", user / 1e6);
    exposition.figure("process_cpu_system_seconds_total", "counter", "CPU time in the kernel.", system / 1e6);
    exposition.figure("process_resident_memory_bytes", "gauge", "Memory in RAM.", rss);
    exposition.figure("process_start_time_seconds", "gauge", "Start of the process, since 1970.", this.startSeconds);
    exposition.figure("nodejs_heap_size_total_bytes", "gauge", "Heap that V8 has reserved.", heapTotal);
    exposition.figure("nodejs_heap_size_used_bytes", "gauge", "Heap in use.", heapUsed);
    exposition.figure("nodejs_external_memory_bytes", "gauge", "Memory of buffers outside the heap.", external);
    collectOpenFiles(exposition);
  }
}

/**
 * When the kernel started this process, which on a busy machine is well before its first instruction: btime of
 * /proc/stat and field 22 of /proc/self/stat, proc(5). Elsewhere, when Node began.
 */
function startSeconds() {
  if (process.platform !== "linux") return performance.timeOrigin / 1000;
  const boot = /^btime (\d+)/m.exec(fs.readFileSync("/proc/stat", "utf8"));
  // The command's name, in parentheses, may contain anything; the state after it is field 3.
  const fields = fs.readFileSync("/proc/self/stat", "utf8").split(") ").pop().split(" ");
  return Number(boot[1]) + Number(fields[22 - 3]) / TICKS_PER_SECOND;
}

/** From /proc; absent where there is none. */
function collectOpenFiles(exposition) {
  if (process.platform !== "linux") return;
  const openFiles = fs.readdirSync("/proc/self/fd").length;
  exposition.figure("process_open_fds", "gauge", "Open files, sockets included.", openFiles);
  const limit = /^Max open files +(\d+)/m.exec(fs.readFileSync("/proc/self/limits", "utf8"));
  if (limit) exposition.figure("process_max_fds", "gauge", "Limit of open files.", limit[1]);
}

module.exports = { ProcessFigures };
