import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { findWorld } from "./world.ts";

const CONTROL = "http://127.0.0.1:1";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-world-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function problemsOf(tokenFile: string): Promise<readonly string[]> {
  const found = await findWorld([], { control: CONTROL, tokenFile });
  return "problems" in found ? found.problems : [];
}

describe("the token for a running control plane", () => {
  it("is never told, whatever stands beside it in its file", async () => {
    const file = join(newFolder(), "token");
    writeFileSync(file, "0123456789abcdef\nfedcba9876543210\n");
    const [problem = "", ...others] = await problemsOf(file);
    expect(others).toEqual([]);
    expect(problem).toContain(`--token-file ${file} holds no token: a token has at least 16`);
    expect(problem).not.toMatch(/0123456789abcdef|fedcba9876543210/);
  });

  it("is asked for in a file that is there", async () => {
    const file = join(newFolder(), "none");
    expect(await problemsOf(file)).toEqual([`--token-file ${file} does not exist`]);
  });
});
