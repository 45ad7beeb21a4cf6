import { readdirSync, readFileSync } from "node:fs";

/** What a process has taken of the machine. */
export interface ProcessCost {
  /** Milliseconds of all its threads on a CPU. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** Reads it from the kernel. The process lives. */
export function costOf(pid: number): ProcessCost {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(scheduled(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0]);
  }
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const rssKb = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  return { cpuMs: nanoseconds / 1e6, rssBytes: rssKb * 1024 };
}

/** A thread may end while we look. */
function scheduled(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "0";
  }
}
