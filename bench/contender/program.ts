/** The proxies that are measured, each with one worker. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findTool, type ToolName } from "../../test/support/tools.ts";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
/** The built package's. */
const OUTRIGGER = path.join(ROOT, "dist/cli/main.js");

export interface Program {
  readonly name: string;
  readonly version: string;
  readonly command: (configFile: string, workers?: number) => [string, ...string[]];
}

/** The first version number in what `program --flag` prints, on either stream. */
function versionOf(program: string, flag: string): string {
  const text = execFileSync("/bin/sh", ["-c", '"$0" "$1" 2>&1', program, flag], {
    encoding: "utf8",
  });
  return /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? "";
}

function installed(
  name: ToolName,
  flag: string,
  args: (configFile: string, workers: number) => readonly string[],
): Program[] {
  const program = findTool(name);
  if (program === undefined) return [];
  const version = versionOf(program, flag);
  return [{ name, version, command: (file, workers = 1) => [program, ...args(file, workers)] }];
}

/** None where it is not installed; then there are no ratios. */
export function envoy(): Program[] {
  const quiet = ["--log-level", "error", "--use-dynamic-base-id"];
  return installed("envoy", "--version", (file, workers) => [
    ...["-c", file, "--concurrency", `${workers}`, ...quiet],
  ]);
}

export function outrigger(): Program {
  const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
  return {
    name: "outrigger",
    version,
    command: (file, workers = 1) => {
      const args = [OUTRIGGER, "proxy", "-c", file];
      return [process.execPath, ...args, ...(workers > 1 ? ["--concurrency", `${workers}`] : [])];
    },
  };
}

/** The two that read the same file. */
export function meshProxies(): Program[] {
  return [...envoy(), outrigger()];
}

export function nginx(): Program[] {
  return installed("nginx", "-v", (file) => ["-p", path.dirname(file), "-c", file]);
}

export function haproxy(): Program[] {
  return installed("haproxy", "-v", (file) => ["-f", file]);
}
