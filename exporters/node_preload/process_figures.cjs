"use strict";

const fs = require("node:fs");
const { performance } = require("node:perf_hooks");

/** What prom-client calls these figures. */
class ProcessFigures {
  collect(exposition) {
    const { user, system } = process.cpuUsage();
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    const { timeOrigin } = performance;
    exposition.figure("process_cpu_seconds_total", "counter", "CPU time of all threads.", (user + system) / 1e6);
    exposition.figure("process_cpu_user_seconds_total", "counter", "CPU time in user mode.", user / 1e6);
    exposition.figure("process_cpu_system_seconds_total", "counter", "CPU time in the kernel.", system / 1e6);
    exposition.figure("process_resident_memory_bytes", "gauge", "Memory in RAM.", rss);
    exposition.figure("process_start_time_seconds", "gauge", "Start of the process, since 1970.", timeOrigin / 1000);
    exposition.figure("nodejs_heap_size_total_bytes", "gauge", "Heap that V8 has reserved.", heapTotal);
    exposition.figure("nodejs_heap_size_used_bytes", "gauge", "Heap in use.", heapUsed);
    exposition.figure("nodejs_external_memory_bytes", "gauge", "Memory of buffers outside the heap.", external);
    collectOpenFiles(exposition);
  }
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
