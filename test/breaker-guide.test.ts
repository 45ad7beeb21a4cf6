/** The examples of the library's guide run, and print what they say that they print. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { mortal } from "./support/mortal.ts";
import { ROOT } from "./support/source-file.ts";

const PAGES = [
  "breaker.md",
  "breaker/from-opossum.md",
  "breaker/from-cockatiel.md",
  "breaker/from-hystrix.md",
];
const LIBRARY = pathToFileURL(path.join(ROOT, "src/breaker/library.ts")).href;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-guide-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

interface Example {
  readonly page: string;
  readonly line: number;
  readonly code: string;
}

/** Blocks of TypeScript; those of other languages are other libraries'. */
function examplesOf(page: string): Example[] {
  const text = fs.readFileSync(path.join(ROOT, "docs", page), "utf8");
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(({ 1: code = "", index }) => ({
    page,
    line: text.slice(0, index).split("\n").length,
    code,
  }));
}

async function printed({ page, line, code }: Example): Promise<string> {
  const file = path.join(folder, `${path.basename(page, ".md")}-${line}.ts`);
  fs.writeFileSync(file, code.replaceAll('"outrigger/breaker"', JSON.stringify(LIBRARY)));
  const child = spawn(...mortal(process.execPath, ["--no-warnings", file]), { stdio: "pipe" });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
  }
  const status = await new Promise((resolve) => child.on("close", resolve));
  return status === 0 ? text : `${text}(ended with ${status})`;
}

const examples = PAGES.flatMap(examplesOf);

describe("the library's guide", () => {
  it("has examples on each page", () => {
    expect(new Set(examples.map(({ page }) => page))).toEqual(new Set(PAGES));
  });

  it.each(examples)("prints what it says: docs/$page:$line", async (example) => {
    const said = [...example.code.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => `${text}\n`);
    expect(said.length).toBeGreaterThan(0);
    expect(await printed(example)).toBe(said.join(""));
  });
});
