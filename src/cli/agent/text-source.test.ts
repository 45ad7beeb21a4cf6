import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseTextSource, readText } from "./text-source.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrigger-text-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("where a text comes from", () => {
  it.each([
    { text: "/run/token", is: { kind: "file", path: "/run/token" } },
    { text: "token", is: { kind: "file", path: "token" } },
    { text: "-", is: { kind: "stdin" } },
    { text: "fd:3", is: { kind: "descriptor", fd: 3 } },
    { text: "env:TOKEN", is: { kind: "variable", name: "TOKEN" } },
    { text: "fd:0", is: undefined },
    { text: "fd:2", is: undefined },
    { text: "fd:x", is: undefined },
    { text: "env:", is: undefined },
    { text: "", is: undefined },
  ])("is $is for $text", ({ text, is }) => {
    expect(parseTextSource(text)).toEqual(is);
  });
});

describe("a text", () => {
  it("is a file's, as it is at that moment", () => {
    const path = join(folder, "token");
    writeFileSync(path, "one");
    expect(readText({ kind: "file", path }, {})).toBe("one");
    writeFileSync(path, "two");
    expect(readText({ kind: "file", path }, {})).toBe("two");
  });

  it("is an open descriptor's, which is closed then", () => {
    const path = join(folder, "token");
    writeFileSync(path, "one");
    const fd = openSync(path, "r");
    expect(readText({ kind: "descriptor", fd }, {})).toBe("one");
    expect(() => closeSync(fd)).toThrow("EBADF");
  });

  it("is a variable's, which no process started later has", () => {
    const env = { TOKEN: "one", OTHER: "two" };
    expect(readText({ kind: "variable", name: "TOKEN" }, env)).toBe("one");
    expect(env).toEqual({ OTHER: "two" });
    expect(() => readText({ kind: "variable", name: "TOKEN" }, env)).toThrow(
      "the variable TOKEN is not set",
    );
  });

  it("that cannot be read is an error that names where it was looked for", () => {
    const path = join(folder, "none");
    expect(() => readText({ kind: "file", path }, {})).toThrow(`${path} does not exist`);
    expect(() => readText({ kind: "file", path: folder }, {})).toThrow(`${folder} is a folder`);
    writeFileSync(path, "x".repeat(1024 * 1024 + 1));
    expect(() => readText({ kind: "file", path }, {})).toThrow("is longer than");
  });
});
