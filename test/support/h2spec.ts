/** Runs h2spec, the conformance suite of HTTP/2, against a port on loopback. */
import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { tool } from "./tools.ts";

/** Seconds that one case may wait for an answer, and that all of them may take. */
const CASE_SECONDS_MAX = 2;
const SUITE_SECONDS_MAX = 300;

/** `<testcase package="http2/5.1" classname="idle: Sends a DATA frame" time="1.0010">` */
const TEST_CASE =
  /<testcase package="([^"]*)" classname="([^"]*)"[^>]*>(?:\s*<(error|failure|skipped)\b)?/g;

export interface H2SpecResult {
  readonly passed: number;
  /** `http2/5.1: idle: Sends a DATA frame` */
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
  /** What h2spec printed: each failed case with what was expected and what came. */
  readonly output: string;
}

/**
 * All 146 cases, the strict ones too; over TLS no certificate is checked.
 *
 * @param sections Only these, such as `http2/5.1`; all of them when empty.
 * @throws Error where h2spec wrote no report, as when nothing listens on the port.
 */
export async function runH2Spec(
  port: number,
  { tls = false, sections = [] }: { readonly tls?: boolean; readonly sections?: string[] } = {},
): Promise<H2SpecResult> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-h2spec-"));
  try {
    const report = path.join(folder, "report.xml");
    const args = ["-p", `${port}`, "-S", "-o", `${CASE_SECONDS_MAX}`, "-j", report, ...sections];
    const output = await outputOf(tls ? [...args, "-t", "-k"] : args);
    if (!fs.existsSync(report)) throw new Error(`h2spec wrote no report:\n${output}`);
    return { ...readReport(fs.readFileSync(report, "utf8")), output };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Its exit status says only what the report says too. */
function outputOf(args: readonly string[]): Promise<string> {
  const limits = { timeout: SUITE_SECONDS_MAX * 1000, maxBuffer: 2 ** 24 };
  return new Promise((resolve) => {
    execFile(tool("h2spec"), args, limits, (_, stdout, stderr) => resolve(stdout + stderr));
  });
}

/** A case that failed holds an element `error` or `failure`, one that passed holds nothing. */
function readReport(xml: string): Omit<H2SpecResult, "output"> {
  const cases = [...xml.matchAll(TEST_CASE)].map(([, section, title = "", inside = ""]) => ({
    name: `${section}: ${title.replaceAll("&#34;", '"').replaceAll("&amp;", "&")}`,
    inside,
  }));
  const skipped = cases.filter(({ inside }) => inside === "skipped");
  const failed = cases.filter(({ inside }) => inside === "error" || inside === "failure");
  return {
    passed: cases.length - skipped.length - failed.length,
    failed: failed.map(({ name }) => name),
    skipped: skipped.map(({ name }) => name),
  };
}
