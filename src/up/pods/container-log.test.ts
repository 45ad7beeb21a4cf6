import { expect, it } from "vitest";
import { ContainerLog } from "./container-log.ts";

function logOf(...pieces: readonly string[]): string[] {
  const lines: string[] = [];
  const log = new ContainerLog("default/reviews-v1 reviews", (line) => lines.push(line));
  for (const piece of pieces) log.write(piece);
  log.end();
  return lines;
}

it("puts lines together however they arrive", () => {
  expect(logOf("serv", "ing\nread", "y\n")).toEqual([
    "default/reviews-v1 reviews | serving",
    "default/reviews-v1 reviews | ready",
  ]);
});

it("shows what stands behind the last line end", () => {
  expect(logOf("no end")).toEqual(["default/reviews-v1 reviews | no end"]);
});

it("takes away what would move the cursor", () => {
  expect(logOf("\u001b[2Jgone\r\n")).toEqual(["default/reviews-v1 reviews | [2Jgone"]);
});

it("cuts a line that does not end", () => {
  const [first = "", ...others] = logOf("x".repeat(5000));
  expect(first).toHaveLength("default/reviews-v1 reviews | ".length + 4096);
  expect(others).toEqual([]);
});
