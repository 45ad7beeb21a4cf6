/** The examples of the library's guide run, and print what they say that they print. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { GUIDE, type GuideExample, guideExamples } from "./support/guide-examples.ts";
import { mortal } from "./support/mortal.ts";
import { ROOT } from "./support/source-file.ts";

const LIBRARY = pathToFileURL(path.join(ROOT, "src/breaker/library.ts")).href;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-guide-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

async function printed({ page, line, code }: GuideExample): Promise<string> {
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

const examples = guideExamples();

describe("the library's guide", () => {
  it("has examples on each page", () => {
    expect(new Set(examples.map(({ page }) => page))).toEqual(new Set(GUIDE));
  });

  it.each(examples)("prints what it says: docs/$page:$line", async (example) => {
    expect(example.prints).not.toBe("");
    expect(await printed(example)).toBe(example.prints);
  });
});
