//! What machine this is.

use std::fs;
use std::process::Command;

fn cpuinfo(key: &str) -> String {
    let all = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = all.lines().find(|line| line.split(':').next().is_some_and(|found| found.trim() == key));
    line.and_then(|line| line.split(':').nth(1)).map_or("unknown", str::trim).to_owned()
}

fn first_line(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// All that decides which instructions a call takes: libc picks its routines by the processor.
pub(crate) fn kind() -> Vec<(&'static str, String)> {
    let processor = ["vendor_id", "cpu family", "model"].map(cpuinfo).join(" ");
    let rustc = first_line("rustc");
    let rustc = rustc.split(" (").next().unwrap_or_default().to_owned();
    vec![("processor", processor), ("libc", first_line("ldd")), ("rustc", rustc), ("valgrind", first_line("valgrind"))]
}

/// For a reader.
pub(crate) fn described() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores; {}; {}", cpuinfo("model name"), first_line("rustc"), first_line("ldd"))
}

/// Whether instructions can be counted.
pub(crate) fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}
