import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { folderOf, serviceYaml } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const CTRL_C = "\u0003";

/** Runs COMMAND under `outrigger up` in a terminal of its own and types Ctrl-C when it asks. */
function interrupted(mode: string, folder: string, command: string): Promise<[number, string]> {
  const words = [process.execPath, MAIN, "up", "--mode", mode, folder, "--", "sh", "-c", command];
  // A shell that stayed between `script` and the program would hear the Ctrl-C as well.
  const line = `exec ${words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")}`;
  const terminal = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"]);
  let shown = "";
  terminal.stdout.setEncoding("utf8").on("data", (text: string) => {
    const asked = shown.includes("go on");
    shown += text;
    if (!asked && shown.includes("go on")) terminal.stdin.write(CTRL_C);
  });
  return new Promise((resolve) => {
    terminal.once("close", (status) => resolve([status ?? -1, shown]));
  });
}

describeWith(["ip", "iptables", "root"], "Ctrl-C in the terminal of outrigger up", () => {
  const folder = folderOf({ "mesh.yaml": serviceYaml("reviews", ["v1"]) });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(["intercept", "explicit"])("is COMMAND's, to the last word, in %s mode", async (mode) => {
    const trap = "trap 'sleep 1; echo last words; exit 5' INT";
    const [status, shown] = await interrupted(mode, folder, `${trap}; echo go on; sleep 30`);
    expect(shown).toContain("last words");
    expect(status).toBe(5);
  });

  it.each(["intercept", "explicit"])("may end COMMAND, with 130, in %s mode", async (mode) => {
    const [status] = await interrupted(mode, folder, "echo go on; exec sleep 30");
    expect(status).toBe(130);
  });
});
