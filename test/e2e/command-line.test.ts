import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { ENTRY, outrigger } from "../support/outrigger.ts";

describe.each([
  ["--help"],
  ["up", "--help"],
  ["proxy", "--help"],
  ["agent", "--help"],
  ["control", "--help"],
  ["token", "--help"],
  ["ca", "rotate", "--help"],
  ["ca", "revoke", "--help"],
  ["authz", "check", "--help"],
  ["explain", "--help"],
])("outrigger %s %s %s", (...args) => {
  it("fits a terminal of 80 columns", async () => {
    const { status, stdout } = await outrigger(args.filter((each) => each !== undefined));
    expect(status).toBe(0);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});

describe.each([
  { args: ["nope"], says: "unknown command 'nope'" },
  { args: ["up"], says: "PATH is missing" },
  { args: ["up", "--nope", "."], says: "unknown option '--nope'" },
  { args: ["up", ".", "--for", "banana"], says: "--for banana: not a duration" },
  { args: ["up", ".", "--as", "a/b/c", "--", "true"], says: "not NAMESPACE/SERVICEACCOUNT" },
  { args: ["up", "nowhere"], says: "nowhere does not exist" },
  { args: ["proxy"], says: "--config-path" },
  { args: ["proxy", "-c", "nowhere"], says: "nowhere does not exist" },
  { args: ["proxy", "-c", "."], says: ". is a folder" },
  { args: ["proxy", "-c", "x", "--ca", "a:1", "--root", "r"], says: "--token is missing" },
  { args: ["proxy", "-c", "-", "--ca", "a:1", "--root", "r", "--token", "-"], says: "--token -" },
  { args: ["agent"], says: "--ca is missing" },
  { args: ["agent", "--http", "x"], says: "--http x: not an address" },
  { args: ["up", ".", "--ca-dir", "ca"], says: "--ca-dir ca: lies in ., where everything" },
  { args: ["control", ".", "--secure", "[::1]:0", "--ca-dir", "ca"], says: "lies in ." },
  { args: ["control", "nowhere"], says: "nowhere does not exist" },
])("outrigger $args", ({ args, says }) => {
  it(`ends with status 2 and says: ${says}`, async () => {
    const { status, stdout, stderr } = await outrigger(args);
    expect(stderr).toContain(says);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});

it("takes it that a reader of its help has read enough", async () => {
  const child = spawn("sh", ["-c", `"${process.execPath}" "${ENTRY}" up --help | head -1`]);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  await once(child, "close");
  expect(stderr).toBe("");
});
