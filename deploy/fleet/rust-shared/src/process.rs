//! Figures of this process from /proc; empty where there is none.
//!
//! The prometheus crate has a process collector, but it counts CPU time in whole seconds (0.14), which is useless for
//! a scrape every second.

use std::fs;

/// Linux gives times in 1/100 s to programs, whatever its own clock ticks are.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Clone, Copy)]
pub struct Figure {
    pub name: &'static str,
    pub kind: &'static str,
    pub help: &'static str,
    pub value: f64,
}

pub fn figures() -> Vec<Figure> {
    read_figures().unwrap_or_default()
}

fn read_figures() -> Option<Vec<Figure>> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    // The command's name, in parentheses, may contain anything; the state after it is field 3 of proc(5).
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let seconds = |field: usize| Some(fields.get(field - 3)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    let open_fds = fs::read_dir("/proc/self/fd").ok()?.count() as f64;
    Some(vec![
        counter("process_cpu_seconds_total", "CPU time of all threads.", seconds(14)? + seconds(15)?),
        gauge("process_start_time_seconds", "Start of the process, since 1970.", boot_seconds()? + seconds(22)?),
        gauge("process_resident_memory_bytes", "Memory in RAM.", kilobytes(&status, "VmRSS:")?),
        gauge("process_virtual_memory_bytes", "Memory mapped.", kilobytes(&status, "VmSize:")?),
        gauge("process_threads", "Threads.", value_after(&status, "Threads:")?),
        gauge("process_open_fds", "Open files, sockets included.", open_fds),
        gauge("process_max_fds", "Limit of open files.", open_files_limit()?),
    ])
}

fn counter(name: &'static str, help: &'static str, value: f64) -> Figure {
    Figure { name, kind: "counter", help, value }
}

fn gauge(name: &'static str, help: &'static str, value: f64) -> Figure {
    Figure { name, kind: "gauge", help, value }
}

fn boot_seconds() -> Option<f64> {
    value_after(&fs::read_to_string("/proc/stat").ok()?, "btime")
}

fn open_files_limit() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    match limits.split_once("Max open files")?.1.split_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        soft => soft.parse().ok(),
    }
}

fn kilobytes(text: &str, key: &str) -> Option<f64> {
    Some(value_after(text, key)? * 1024.0)
}

fn value_after(text: &str, key: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line[key.len()..].split_whitespace().next()?.parse().ok()
}
