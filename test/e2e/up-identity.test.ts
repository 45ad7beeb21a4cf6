/** Who the pods of a laptop's mesh are, and how their sidecars came to know it. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { eventually } from "../support/envoy-process.ts";
import { folderOf, Outrigger, serviceYaml } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

interface AuditLine {
  readonly event: string;
  readonly identity?: string;
  readonly method?: string;
}

let run: Outrigger | undefined;
let folder = "";
afterEach(() => {
  run?.clean();
  rmSync(folder, { recursive: true, force: true });
});

/** A mesh of one pod and a client, whose authority stays in the folder. */
async function up(mode: string): Promise<Outrigger> {
  folder = folderOf({ "mesh.yaml": serviceYaml("reviews", ["v1"]) });
  const authority = ["--ca-dir", join(folder, "ca")];
  const mesh = ["up", join(folder, "mesh.yaml"), "--mode", mode, ...authority];
  const client = 'echo "$OUTRIGGER_CONSOLE"; sleep 600';
  run = new Outrigger([...mesh, "--as", "team/client", "--", "sh", "-c", client]);
  await run.until(({ stdout }) => stdout.includes("http://"));
  return run;
}

function audit(): AuditLine[] {
  const text = readFileSync(join(folder, "ca", "audit.log"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as AuditLine);
}

function issued(): string[] {
  return audit()
    .filter(({ event }) => event === "certificate_issued")
    .map(({ identity = "", method = "" }) => `${identity} by ${method}`)
    .sort();
}

/** The programs themselves, not what has brought them to their pods. */
function sidecars(started: Outrigger): { pid: number; words: string[] }[] {
  return started
    .processes()
    .map((pid) => ({ pid, words: readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0") }))
    .filter(({ words }) => words[0] === process.execPath && words.includes("proxy"));
}

describeWith(["ip", "iptables", "root"], "the pods of outrigger up", () => {
  it.each(["intercept", "explicit"])(
    "have a certificate each, and ask for their configuration by it, in %s mode",
    async (mode) => {
      const started = await up(mode);
      const names = issued();
      expect(names).toEqual([
        expect.stringContaining("spiffe://cluster.local/ns/default/sa/default by join"),
        expect.stringContaining("spiffe://cluster.local/ns/team/sa/client by join"),
      ]);
      const base = started.stdout.trim();
      const rows = (await (await fetch(`${base}/api/status`)).json()) as { synced: boolean }[];
      expect(rows.map(({ synced }) => synced)).toEqual([true, true]);
      const { hostname } = new URL(base);
      await expect(fetch(`http://${hostname}:15010/`)).rejects.toThrow();
    },
  );

  it("show neither tokens nor keys to whoever lists processes", async () => {
    const started = await up("explicit");
    const found = sidecars(started);
    expect(found).toHaveLength(2);
    const after = (words: readonly string[], flag: string): string | undefined =>
      words[words.indexOf(flag) + 1];
    for (const { pid, words } of found) {
      expect([after(words, "--token"), after(words, "--root")]).toEqual(["fd:3", "fd:4"]);
      const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
      expect(environment).not.toMatch(/PRIVATE KEY|TOKEN=/);
    }
  });

  it("take another token when their sidecar starts anew", async () => {
    const started = await up("explicit");
    const [one] = sidecars(started);
    process.kill(one?.pid ?? 0, "SIGKILL");
    await eventually("a third certificate", async () => issued().length === 3);
    expect(issued().every((line) => line.includes(" by join"))).toBe(true);
  });
});

it("the authority of a folder is another run's as well", async () => {
  await up("explicit");
  const root = (): string => readFileSync(join(folder, "ca", "root-cert.pem"), "utf8");
  const first = root();
  run?.child.kill("SIGTERM");
  await run?.ended;
  run?.clean();
  const authority = ["--ca-dir", join(folder, "ca")];
  run = new Outrigger([
    "up",
    join(folder, "mesh.yaml"),
    "--mode",
    "explicit",
    ...authority,
    "--",
    "true",
  ]);
  expect((await run.ended).status).toBe(0);
  expect(root()).toBe(first);
});
