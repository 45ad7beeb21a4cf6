/** Paths and hosts in normal form: what a real Envoy makes of them, and what we do. */
import http from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { eventually, freePort, type RunningProgram, startEnvoy } from "../support/envoy-process.ts";
import { httpListener, type ProxySetup, startSetup } from "../support/proxy-setup.ts";
import { describeWith } from "../support/tools.ts";

const NORMAL = { normalize_path: true, merge_slashes: true };

/** By name of the listener: what its connection manager is told. */
const MODES: Readonly<Record<string, Record<string, unknown>>> = {
  none: {},
  base: { normalize_path: true },
  merge: NORMAL,
  "merge alone": { merge_slashes: true },
  forward: { ...NORMAL, path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" },
  redirect: { ...NORMAL, path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT" },
  reject: { path_with_escaped_slashes_action: "REJECT_REQUEST" },
  "host's own port": { strip_trailing_host_dot: true, strip_matching_host_port: true },
  "host's any port": { strip_any_host_port: true },
};

const ATOMS = (
  '% %2 %2e %2E %2f %5c %5C %32 %65 %30 %25 %41 . .. / / \\ a 2 e 0 %00 %c3 ~ " { ? %2 // ' +
  "/../ /./ %zz %2%65 ; ..; /..; /.; %"
).split(" ");

function somePaths(count: number): string[] {
  const random = new SeededRandom(5);
  return Array.from({ length: count }, () => {
    const length = 1 + random.below(9);
    return `/${Array.from({ length }, () => ATOMS[random.below(ATOMS.length)]).join("")}`;
  });
}

/** Every byte that may stand in a target, and every escape. */
const BYTES = Array.from({ length: 255 }, (_, i) => i + 1).flatMap((byte) => {
  const escaped = `/x%${byte.toString(16).padStart(2, "0")}y`;
  const visible = byte > 0x20 && byte < 0x7f && byte !== 0x23;
  return visible ? [escaped, `/x${String.fromCharCode(byte)}y`] : [escaped];
});

const PATHS = [...BYTES, ...somePaths(600)];
const HOSTS = ["A.example.", "a:PORT", "a.:PORT", "a:9", "a.:9", "a..", "[::1]:PORT", "[::1]:9"];

const ECHO = [
  { header: { key: "x-path", value: "%REQ(:path)%" } },
  { header: { key: "x-host", value: "%REQ(:authority)%" } },
];
const ROUTES = [
  {
    match: { prefix: "/" },
    direct_response: { status: 200 },
    response_headers_to_add: ECHO,
  },
];

/** Where a server that knows parameters of segments would leave the folder. */
const CLIMBS = /\/\.\.?;/;
/** What Envoy leaves so, and we do not (docs/differences.md). */
const HIDDEN_DOTS = /(?:\\|%5c)(?:\.|%2e){1,2};|(?:%2e\.?|\.%2e);/i;

/** Says what a proxy made of a target and a host. */
function ask(agent: http.Agent, port: number, path: string, host = "a"): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host: host.replace("PORT", String(port)) };
    const request = http.request({ host: "127.0.0.1", port, agent, headers }, (response) => {
      response.resume();
      const { location = "", "x-path": seen = "", "x-host": named = "" } = response.headers;
      const answer = `${response.statusCode} ${location} ${seen} ${named}`;
      response.on("end", () => resolve(answer.replace(`:${port}`, ":PORT")));
    });
    // Node checks the target where it is given; it is sent as it is set.
    request.path = path;
    request.on("error", reject);
    request.end();
  });
}

describeWith(["envoy"], "Envoy and Outrigger on one target", () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const ports = new Map<string, number>();
  let envoy: RunningProgram;
  let setup: ProxySetup;

  beforeAll(async () => {
    const listener = (name: string, hcm: Record<string, unknown>, port: number): unknown => ({
      ...(httpListener({ name, hcm, routes: ROUTES }) as object),
      address: { socket_address: { address: "127.0.0.1", port_value: port } },
    });
    const modes = Object.entries(MODES);
    setup = await startSetup(
      modes.map(([name, hcm]) => listener(name, hcm, 0)),
      [],
    );
    for (const [name] of modes) ports.set(name, await freePort());
    const listeners = modes.map(([name, hcm]) => listener(name, hcm, ports.get(name) ?? 0));
    envoy = startEnvoy(JSON.stringify({ static_resources: { listeners } }));
    await eventually("Envoy listens", async () => {
      const answers = [...ports.values()].map((port) => ask(agent, port, "/"));
      return (await Promise.allSettled(answers)).every(({ status }) => status === "fulfilled");
    });
  });

  afterAll(async () => {
    agent.destroy();
    await envoy?.stop();
    await setup?.stop();
  });

  it.each(Object.keys(MODES))("%s: the same path is matched and shown", async (mode) => {
    const wrong: string[] = [];
    for (const path of PATHS) {
      const theirs = await ask(agent, ports.get(mode) ?? 0, path);
      const ours = await ask(agent, setup.port(mode), path);
      if (HIDDEN_DOTS.test(path) && !CLIMBS.test(ours)) continue;
      if (ours !== theirs) wrong.push(`${path}: Envoy ${theirs}, ours ${ours}`);
    }
    expect(wrong).toEqual([]);
  });

  it.each(Object.keys(MODES))("%s: the same host is matched and shown", async (mode) => {
    for (const host of HOSTS) {
      const theirs = await ask(agent, ports.get(mode) ?? 0, "/", host);
      expect(await ask(agent, setup.port(mode), "/", host), host).toBe(theirs);
    }
  });
});
