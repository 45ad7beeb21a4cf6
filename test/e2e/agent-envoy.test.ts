/**
 * A real Envoy and our own proxy speak mTLS with each other, in both directions, with certificates
 * that their agents fetch, and go on while those are renewed.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { socketAddress } from "../../src/model/address.ts";
import { ask } from "../support/ask.ts";
import { eventually, freePort, type RunningProgram, startEnvoy } from "../support/envoy-process.ts";
import { Outrigger } from "../support/outrigger.ts";
import { httpListener, OVER_HTTP2, staticCluster } from "../support/proxy-setup.ts";
import { TEST_IDENTITY, TinyAuthority } from "../support/tiny-authority.ts";
import { describeWith } from "../support/tools.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
/** Half of it is over soon: both agents ask again and again while the test runs. */
const LIFETIME_MS = 6000;
const ROTATIONS = 3;
const BOTH = 2;

let folder: string;
let authority: TinyAuthority;
let origin: http.Server;
/** Of the origin, what Envoy and we listen on, plain and with TLS, and the agent's pages. */
let ports: Record<"origin" | "envoy" | "envoyTls" | "ours" | "oursTls" | "pages", number>;
let programs: { stop(): Promise<void> }[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "outrigger-mtls-"));
  authority = await TinyAuthority.create();
  authority.lifetimeMs = LIFETIME_MS;
  await authority.start();
  origin = http.createServer((request, response) => {
    response.end(String(request.headers["x-forwarded-client-cert"] ?? ""));
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const [envoy, envoyTls, ours, oursTls, pages] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const { port } = origin.address() as AddressInfo;
  ports = { origin: port, envoy, envoyTls, ours, oursTls, pages };
  writeFileSync(join(folder, "root.pem"), authority.bundle);
  writeFileSync(join(folder, "token"), "a-token\n");
  programs = [];
});

afterEach(async () => {
  await Promise.all(programs.map((program) => program.stop()));
  origin.closeAllConnections();
  origin.close();
  await authority.stop();
  rmSync(folder, { recursive: true, force: true });
});

function secret(name: string): object {
  const grpc = { envoy_grpc: { cluster_name: "sds-grpc" } };
  const source = { api_type: "GRPC", transport_api_version: "V3", grpc_services: [grpc] };
  return { name, sds_config: { resource_api_version: "V3", api_config_source: source } };
}

const COMMON = {
  tls_certificate_sds_secret_configs: [secret("default")],
  combined_validation_context: {
    default_validation_context: {
      match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: TEST_IDENTITY } }],
    },
    validation_context_sds_secret_config: secret("ROOTCA"),
  },
};

function socket(type: string, more: object): object {
  const typed = { "@type": `${TLS}.${type}`, common_tls_context: COMMON, ...more };
  return { transport_socket: { name: "envoy.transport_sockets.tls", typed_config: typed } };
}

/** `plain` leads to the other's TLS, and TLS to the origin. */
function bootstrap(plain: number, tls: number, other: number): string {
  const to = (cluster: string): unknown[] => [{ match: { prefix: "/" }, route: { cluster } }];
  const at = (port: number): object => ({
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
  });
  const out = httpListener({ name: "out", routes: to("other") }) as object;
  const hcm = {
    forward_client_cert_details: "SANITIZE_SET",
    set_current_client_cert_details: { uri: true },
  };
  const inner = httpListener({ name: "in", routes: to("origin"), hcm });
  const [chain] = (inner as { filter_chains: object[] }).filter_chains;
  const server = socket("DownstreamTlsContext", { require_client_certificate: true });
  const agent = { pipe: { path: join(folder, "uds", "socket") } };
  return JSON.stringify({
    node: { id: "reviews", cluster: "reviews" },
    static_resources: {
      listeners: [
        { ...out, ...at(plain) },
        { ...(inner as object), ...at(tls), filter_chains: [{ ...chain, ...server }] },
      ],
      clusters: [
        staticCluster("origin", [ports.origin]),
        { ...(staticCluster("other", [other]) as object), ...socket("UpstreamTlsContext", {}) },
        {
          name: "sds-grpc",
          type: "STATIC",
          ...OVER_HTTP2,
          load_assignment: {
            cluster_name: "sds-grpc",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: agent } }] }],
          },
        },
      ],
    },
  });
}

function agentFlags(): string[] {
  return [
    ...["--ca", `127.0.0.1:${authority.address.port}`, "--root", join(folder, "root.pem")],
    ...["--token", join(folder, "token"), "--identity", "default/reviews"],
  ];
}

function startAgent(): Outrigger {
  const sds = ["--socket", join(folder, "uds", "socket"), "--http", `127.0.0.1:${ports.pages}`];
  return started(new Outrigger(["agent", ...agentFlags(), ...sds]));
}

function startOurs(...more: string[]): Outrigger {
  const file = join(folder, "ours.json");
  writeFileSync(file, bootstrap(ports.ours, ports.oursTls, ports.envoyTls));
  const soon = ["--min-drain-time-s", "0", "--drain-time-s", "1"];
  return started(new Outrigger(["proxy", "-c", file, ...agentFlags(), ...soon, ...more]));
}

function started(program: Outrigger): Outrigger {
  programs.push({ stop: () => Promise.resolve(program.clean()) });
  return program;
}

function startEnvoys(): RunningProgram {
  const envoy = startEnvoy(bootstrap(ports.envoy, ports.envoyTls, ports.oursTls));
  programs.push(envoy);
  return envoy;
}

/** Asks through the plain listener of one of them, and resolves with what the origin was told. */
async function through(port: number): Promise<{ status: number; body: string }> {
  try {
    return await ask(socketAddress("127.0.0.1", port), "/");
  } catch {
    return { status: 0, body: "" };
  }
}

async function bothServe(): Promise<void> {
  for (const port of [ports.ours, ports.envoy]) {
    await eventually(`port ${port}`, async () => (await through(port)).status === 200);
  }
}

describeWith(["envoy"], "a real Envoy by our SDS, and our proxy by its own agent", () => {
  it.each(["1", "2"])("serve each other, ours with %s workers, over rotations", async (workers) => {
    startAgent();
    startOurs("--concurrency", workers);
    startEnvoys();
    await bothServe();
    const before = authority.asked.length;
    const enough = before + BOTH * ROTATIONS;
    const failed: string[] = [];
    let asked = 0;
    while (authority.asked.length < enough) {
      const replies = await Promise.all([through(ports.ours), through(ports.envoy)]);
      for (const { status, body } of replies) {
        asked += 1;
        const good = status === 200 && body.includes(`URI=${TEST_IDENTITY}`);
        if (!good) failed.push(`${status} ${body}`);
      }
    }
    expect(asked).toBeGreaterThan(BOTH * ROTATIONS);
    expect(failed).toEqual([]);
    const shown = authority.asked.slice(BOTH).map(({ token }) => token);
    expect(new Set(shown)).toEqual(new Set([""]));
  });

  it("wait for the agent, and the agent says how it is", async () => {
    authority.misbehaviour = "is unavailable";
    const agent = startAgent();
    startOurs();
    startEnvoys();
    const page = (path: string): Promise<{ status: number; body: string }> =>
      ask(socketAddress("127.0.0.1", ports.pages), path);
    await agent.until(({ stderr }) => stderr.includes("no certificate (not now)"));
    await agent.until(({ stderr }) => stderr.includes("SDS on"));
    expect(await page("/healthz/ready")).toMatchObject({ status: 503 });
    expect((await through(ports.envoy)).status).not.toBe(200);
    authority.misbehaviour = undefined;
    await bothServe();
    expect(await page("/healthz/ready")).toMatchObject({ status: 200 });
    const { body } = await page("/metrics");
    expect(body).toMatch(/^control_identity_cert_refreshes_total [1-9]/m);
    expect(body).toMatch(/^outrigger_agent_sds_streams [1-9]/m);
    expect(await page("/other")).toMatchObject({ status: 404 });
  });
});

it("a successor goes on with the certificate, and renews it without a token", async () => {
  authority.tokens = new Set(["once"]);
  const file = join(folder, "ours.json");
  writeFileSync(file, bootstrap(ports.ours, ports.oursTls, ports.oursTls));
  const flags = agentFlags().map((word) => (word === join(folder, "token") ? "-" : word));
  const soon = ["--min-drain-time-s", "0", "--drain-time-s", "1"];
  const first = started(new Outrigger(["proxy", "-c", file, ...flags, ...soon], "once\n"));
  await eventually("it serves", async () => (await through(ports.ours)).status === 200);
  const ended = once(first.child, "exit");
  first.child.kill("SIGUSR2");
  await first.until(({ stderr }) => stderr.includes("serves now"));
  expect(await ended).toEqual([0, null]);
  const before = authority.asked.length;
  expect((await through(ports.ours)).status).toBe(200);
  await eventually("two renewals", async () => authority.asked.length >= before + 2);
  expect((await through(ports.ours)).status).toBe(200);
  const [shown, ...later] = authority.asked.map(({ token }) => token);
  expect(shown).toBe("once");
  expect(new Set(later)).toEqual(new Set([""]));
});
