import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { mortal } from "./mortal.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface UpResult {
  /** 128+n where a signal ended it. */
  readonly status: number;
  readonly stdout: string;
  /** What Outrigger said. */
  readonly stderr: string;
}

/** Runs `outrigger up ARGUMENTS...` to its end. Ends it where it takes longer than `timeoutMs`. */
export function runUp(arguments_: readonly string[], timeoutMs: number): Promise<UpResult> {
  const child = spawn(...mortal(process.execPath, [MAIN, "up", ...arguments_]), {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const deadline = setTimeout(() => child.kill("SIGTERM"), timeoutMs);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(deadline);
      resolve({ status: code ?? 128, stdout, stderr });
    });
  });
}
