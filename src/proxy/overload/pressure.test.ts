import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryUsage } from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import { readPressure } from "./pressure.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function fileOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-pressure-"));
  folders.push(folder);
  const file = join(folder, "pressure");
  writeFileSync(file, text);
  return file;
}

it("is what the process holds, of what it may hold", () => {
  const maxBytes = 4 * memoryUsage.rss();
  const pressure = readPressure({ kind: "fixedHeap", name: "heap", maxBytes });
  expect(pressure).toBeGreaterThan(0.1);
  expect(pressure).toBeLessThan(0.5);
});

it("is a share of what V8 and the system give", () => {
  const pressure = readPressure({ kind: "memory", name: "memory" });
  expect(pressure).toBeGreaterThan(0);
  expect(pressure).toBeLessThan(1);
});

describe("a file that says it", () => {
  it.each([
    ["0", 0],
    ["0.75\n", 0.75],
    ["1.0", 1],
  ])("is read: %j", (text, pressure) => {
    expect(readPressure({ kind: "injected", name: "file", path: fileOf(text) })).toBe(pressure);
  });

  it.each(["", "full", "1.1", "-0.1"])("is refused: %j", (text) => {
    const monitor = { kind: "injected", name: "file", path: fileOf(text) } as const;
    expect(() => readPressure(monitor)).toThrow("holds no number from 0 to 1");
  });

  it("has to be there", () => {
    const monitor = { kind: "injected", name: "file", path: "/nowhere" } as const;
    expect(() => readPressure(monitor)).toThrow("ENOENT");
  });
});
