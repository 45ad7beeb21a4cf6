/**
 * What `npm test` runs once everything is set up: each check counts as one test, a failing one does
 * not stop the rest, and the last line is `N passed, N failed`.
 *
 * Options: `--fast` leaves out test/e2e; `--lint` runs the checks and no tests.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

interface Tally {
  passed: number;
  failed: number;
  /** Names of the tests that did not run. */
  notRun: string[];
}

/** The parts of vitest's JSON report that we read. */
interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const BIN = path.join(ROOT, "node_modules/.bin");

const CHECKS = [
  { name: "format and lint (biome)", command: ["biome", "check", "--error-on-warnings"] },
  { name: "types (tsc)", command: ["tsc", "--noEmit"] },
  {
    name: "rules that need types (oxlint)",
    command: ["oxlint", "--type-aware", "--deny-warnings", "src", "test", "bench", "scripts"],
  },
  { name: "unused code (knip)", command: ["knip", "--no-progress"] },
];

/** Runs a program of node_modules and tells whether it ended with status 0. */
function run(command: readonly string[]): boolean {
  const [program = "", ...args] = command;
  const { status, error } = spawnSync(path.join(BIN, program), args, {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (error !== undefined) console.error(String(error));
  return status === 0;
}

function check(tally: Tally, name: string, command: readonly string[]): void {
  const start = Date.now();
  const passed = run(command);
  if (passed) tally.passed++;
  else tally.failed++;
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.log(`${passed ? "passed" : "FAILED"}: ${name} (${seconds} s)`);
}

/** Runs a vitest project; a run that fails otherwise than by a test counts as one failure. */
function test(tally: Tally, project: string, folder: string): void {
  const file = path.join(folder, `${project}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const passed = run(["vitest", "run", "--project", project, ...reporters]);
  if (!fs.existsSync(file)) {
    tally.failed++;
    return;
  }
  const report: Report = JSON.parse(fs.readFileSync(file, "utf8"));
  tally.passed += report.numPassedTests;
  tally.failed += report.numFailedTests;
  if (report.numFailedTests === 0 && !(passed && report.success)) tally.failed++;
  for (const { assertionResults } of report.testResults) {
    for (const { status, fullName } of assertionResults) {
      if (status !== "passed" && status !== "failed") tally.notRun.push(fullName);
    }
  }
}

function main(options: ReadonlySet<string>): void {
  const tally: Tally = { passed: 0, failed: 0, notRun: [] };
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-test-"));
  try {
    for (const { name, command } of CHECKS) check(tally, name, command);
    if (!options.has("--lint")) test(tally, "fast", folder);
    if (!options.has("--lint") && !options.has("--fast")) test(tally, "e2e", folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  for (const name of tally.notRun) console.log(`NOT RUN: ${name}`);
  console.log(`${tally.passed} passed, ${tally.failed} failed`);
  process.exitCode = tally.failed === 0 ? 0 : 1;
}

main(new Set(process.argv.slice(2)));
