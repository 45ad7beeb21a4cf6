import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const COLUMN = /\b(counter|gauge|histogram)\(\s*"(outrigger_\w+)"/g;

it("docs/metrics.md has a row for every metric of our own", () => {
  const document = readFileSync("docs/metrics.md", "utf8");
  const files = globSync("src/**/*.ts").filter((file) => !file.endsWith(".test.ts"));
  const made = files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(COLUMN)]);
  expect(made.length).toBeGreaterThan(30);
  const missing = made
    .filter(([, type, name]) => !document.includes(`| \`${name}\` | ${type} |`))
    .map(([, type, name]) => `${name} (${type})`);
  expect(missing).toEqual([]);
});
