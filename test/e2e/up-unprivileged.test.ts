import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { Outrigger } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

let run: Outrigger | undefined;
afterEach(() => run?.clean());

/** A user without privilege; the mounts that this takes are the process' own. */
const BECOME = ["unshare", "--mount", "sh", "test/e2e/programs/unprivileged.sh"];

function up(args: readonly string[], input = ""): Outrigger {
  run = new Outrigger(["up", ...args], input, BECOME);
  return run;
}

describeWith(["curl", "ip", "iptables", "newuidmap", "root"], "outrigger up without root", () => {
  const MESH = "test/e2e/programs/mesh/small.yaml";

  it("intercepts in a user namespace, and passes on COMMAND's status and its input", async () => {
    const script = "curl -sS http://reviews:9080/; cat; exit 42";
    const args = ["--mode", "intercept", MESH, "--", "sh", "-c", script];
    const { status, stdout, stderr } = await up(args, "from standard input").ended;
    expect(stderr).toContain("intercept mode without root: in a user namespace");
    expect(stdout).toMatch(/"service":"reviews".*"x-envoy-attempt-count":"1"/);
    expect([stdout.endsWith("from standard input"), status]).toEqual([true, 42]);
  });

  it("says where nobody asks for it that it runs in explicit mode, and why", async () => {
    const { status, stderr } = await up([MESH, "--", "true"]).ended;
    expect(stderr).toContain("explicit mode: interception needs root");
    expect(status).toBe(0);
  });

  it.each(["SIGTERM", "SIGKILL"] as const)("leaves nothing behind after %s", async (signal) => {
    const args = ["--mode", "intercept", MESH, "--", "sh", "-c", "echo up; sleep 1000 & wait"];
    const running = up(args);
    await running.until(({ stdout }) => stdout.includes("up\n"));
    expect(running.processes().length).toBeGreaterThan(4);
    running.child.kill(signal);
    const { status } = await running.ended;
    if (signal === "SIGTERM") expect(status).toBe(143);
    expect((await running.leftovers()).processes).toEqual([]);
    const home = readdirSync(join(running.temporary, "home"));
    expect(home.filter((name) => name.startsWith("outrigger-"))).toEqual([]);
  });
});
