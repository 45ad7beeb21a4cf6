import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTokenFile } from "./token-file.ts";

const FLAG = "--admin-token-file";

describe("the file of a token", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "outrigger-token-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("lets in who brings what stands in it", () => {
    const file = join(folder, "token");
    writeFileSync(file, "0123456789abcdef\n");
    expect(readTokenFile(FLAG, file)?.isIn("Bearer 0123456789abcdef")).toBe(true);
  });

  it("need not be there", () => {
    expect(readTokenFile(FLAG, undefined)).toBeUndefined();
  });

  it("is named where it is missing or holds none, and what it holds is not", () => {
    const file = join(folder, "short");
    writeFileSync(file, "hunter2");
    const missing = join(folder, "none");
    expect(() => readTokenFile(FLAG, missing)).toThrow(`${FLAG} ${missing} does not exist`);
    expect(() => readTokenFile(FLAG, file)).toThrow(`${FLAG} ${file} holds no token: a token has`);
    expect(() => readTokenFile(FLAG, file)).not.toThrow("hunter2");
  });
});
