import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { folderOf, Outrigger, serviceYaml } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

const folder = folderOf({ "mesh.yaml": serviceYaml("reviews", ["v1", "v2"]) });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let run: Outrigger | undefined;
afterEach(() => run?.clean());

const CONSOLE = /http:\/\/([0-9.]+):15014/;
const COMMAND = ["--", "sh", "-c", 'echo "$OUTRIGGER_CONSOLE"; sleep 1000 & wait'];
const OUTSIDE = ["--outside", ...COMMAND];

/** The host's links and firewall rules, without what other runs may have at the moment. */
function host(): string {
  const links = execFileSync("ip", ["-brief", "link"], { encoding: "utf8" });
  const rules = execFileSync("iptables-save", { encoding: "utf8" });
  return [links.replace(/^or-.*\n/gm, ""), rules.replace(/^#.*\n/gm, "")].join("\n");
}

async function linkIsGone(link: string): Promise<boolean> {
  for (let turn = 0; turn < 100; turn++) {
    const links = execFileSync("ip", ["-brief", "link"], { encoding: "utf8" });
    if (!links.includes(`${link}@`)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

describeWith(["ip", "iptables", "root"], "outrigger up leaves nothing behind", () => {
  const before = host();

  describe.each(["intercept", "explicit"])("in %s mode", (mode) => {
    it.each([
      { signal: "SIGTERM", what: "a command", args: COMMAND },
      { signal: "SIGKILL", what: "a command", args: COMMAND },
      { signal: "SIGKILL", what: "a command outside the mesh", args: OUTSIDE },
      { signal: "SIGINT", what: "no command", args: [] },
      { signal: "SIGKILL", what: "no command", args: [] },
    ] as const)("after $signal with $what", async ({ signal, args }) => {
      run = new Outrigger(["up", "--mode", mode, folder, ...args]);
      await run.until(({ stdout, stderr }) => CONSOLE.test(stdout + stderr));
      const gateway = CONSOLE.exec(run.stdout + run.stderr)?.[1] ?? "";
      expect(run.processes().length).toBeGreaterThan(4);
      run.child.kill(signal);
      const { status } = await run.ended;
      if (signal !== "SIGKILL") expect(status).not.toBeNull();
      expect(await run.leftovers()).toEqual({ processes: [], files: [] });
      expect(await linkIsGone(`or-${gateway.split(".").slice(0, 2).join(".")}`)).toBe(true);
      expect(host()).toBe(before);
    });
  });

  it("and meanwhile takes no routes from its pods", async () => {
    const script = [
      'prefix=$(echo "$OUTRIGGER_CONSOLE" | cut -d/ -f3 | cut -d. -f1,2)',
      'cd "/proc/sys/net/ipv6/conf/or-$prefix" 2>/dev/null || { echo 0; exit; }',
      "cat accept_ra",
    ].join("; ");
    const args = ["--mode", "intercept", folder, "--outside", "--", "sh", "-c", script];
    run = new Outrigger(["up", ...args]);
    const { status, stdout } = await run.ended;
    expect([status, stdout]).toEqual([0, "0\n"]);
  });

  it("while another one runs beside it", async () => {
    run = new Outrigger(["up", folder, ...COMMAND]);
    const other = new Outrigger(["up", folder, "--", "sh", "-c", 'echo "$OUTRIGGER_CONSOLE"']);
    await run.until(({ stdout }) => CONSOLE.test(stdout));
    const { stdout, status } = await other.ended;
    other.clean();
    expect(status).toBe(0);
    expect(CONSOLE.exec(stdout)?.[1]).not.toBe(CONSOLE.exec(run.stdout)?.[1]);
    run.child.kill("SIGTERM");
    await run.ended;
    expect(await run.leftovers()).toEqual({ processes: [], files: [] });
  });
});
