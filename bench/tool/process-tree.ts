/** What a process and its children have used so far, from /proc. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";

const MICROS_PER_TICK = 1e6 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

function read(file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return ""; // it ended meanwhile
  }
}

/** The process and all that it started, itself first. */
function processesOf(pid: number): number[] {
  let threads: string[] = [];
  try {
    threads = fs.readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  const children = threads
    .flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(" "))
    .filter((child) => child.trim() !== "");
  return [pid, ...children.flatMap((child) => processesOf(Number(child)))];
}

/** User and system time of all of them, in microseconds. */
export function cpuMicros(pid: number): number {
  let ticks = 0;
  for (const process of processesOf(pid)) {
    const stat = read(`/proc/${process}/stat`);
    // The name in parentheses may hold spaces; utime and stime are fields 14 and 15 (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks * MICROS_PER_TICK;
}

/** Resident memory of all of them, in bytes. */
export function residentBytes(pid: number): number {
  let kilobytes = 0;
  for (const process of processesOf(pid)) {
    kilobytes += Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${process}/status`))?.[1] ?? 0);
  }
  return kilobytes * 1024;
}
