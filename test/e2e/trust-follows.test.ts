/** What the control plane believes reaches workloads: revocations, aliases, other trust domains. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { Agent } from "../../src/agent/agent.ts";
import { startSecretServer } from "../../src/agent/sds/secret-server.ts";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { startControl } from "../../src/control/main.ts";
import type { ControlSecurity, SecureOptions } from "../../src/control/running-control.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { socketAddress } from "../../src/model/address.ts";
import { readBootstrap } from "../../src/proxy/bootstrap.ts";
import { type ServingProxy, startProxy } from "../../src/proxy/main.ts";
import { ask } from "../support/ask.ts";
import { TestAuthority } from "../support/certificates.ts";
import { eventually, freePort, startEnvoy } from "../support/envoy-process.ts";
import { httpListener, OVER_HTTP2, staticCluster } from "../support/proxy-setup.ts";
import { describeWith } from "../support/tools.ts";

const LOCAL = socketAddress("127.0.0.1", 0);
const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

let folder: string;
let origin: number;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "outrigger-trust-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const server = http.createServer((_request, response) => response.end("served"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  origin = (server.address() as AddressInfo).port;
});

async function controlOf(name: string, more: Partial<SecureOptions> = {}) {
  const mesh = path.join(folder, `${name}.yaml`);
  const metadata = "metadata: { name: istio, namespace: istio-system }";
  const trust = `kind: ConfigMap\napiVersion: v1\n${metadata}\n`;
  const config = `data: { mesh: "trustDomain: ${name}" }\n`;
  writeFileSync(mesh, `${trust}${config}`);
  const secure = { address: LOCAL, caDir: path.join(folder, name), audit: () => {}, ...more };
  const started = await startControl({ paths: [mesh], httpAddress: LOCAL, secure, watch: false });
  if (started.kind === "refused") throw new Error(JSON.stringify(started.diagnostics));
  const { security } = started.control;
  onTestFinished(() => started.control.stop());
  if (security === undefined) throw new Error("no TLS port");
  return security;
}

interface Workload {
  readonly agent: Agent;
  readonly notices: string[];
  readonly tokens: string[];
}

async function joined(security: ControlSecurity, serviceAccount: string): Promise<Workload> {
  const notices: string[] = [];
  const tokens = [security.joinToken({ namespace: "shop", serviceAccount })];
  const agent = new Agent({
    authority: { address: security.address, name: undefined },
    roots: { kind: "text", pem: security.bundle.roots },
    readToken: () => tokens.shift(),
    ...{ registry: new Registry(), clock: systemClock, random: systemRandom },
    onNotice: (notice) => notices.push(notice),
  });
  onTestFinished(() => agent.stop());
  agent.start();
  await eventually("a certificate", async () => agent.secrets.current("default") !== undefined);
  return { agent, notices, tokens };
}

function secret(name: string): object {
  const grpc = { envoy_grpc: { cluster_name: "sds-grpc" } };
  const source = { api_type: "GRPC", transport_api_version: "V3", grpc_services: [grpc] };
  return { name, sds_config: { resource_api_version: "V3", api_config_source: source } };
}

/** `prefixes`: of the peers' SPIFFE IDs. */
function socket(type: string, prefixes: readonly string[], more: object = {}): object {
  const match_typed_subject_alt_names = prefixes.map((prefix) => ({
    san_type: "URI",
    matcher: { prefix },
  }));
  const common_tls_context = {
    tls_certificate_sds_secret_configs: [secret("default")],
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names },
      validation_context_sds_secret_config: secret("ROOTCA"),
    },
  };
  const typed_config = { "@type": `${TLS}.${type}`, common_tls_context, ...more };
  return { transport_socket: { name: "envoy.transport_sockets.tls", typed_config } };
}

const to = (cluster: string): unknown[] => [{ match: { prefix: "/" }, route: { cluster } }];

function sdsCluster(pipe: string): object {
  const lb_endpoints = [{ endpoint: { address: { pipe: { path: pipe } } } }];
  return {
    name: "sds-grpc",
    type: "STATIC",
    ...OVER_HTTP2,
    load_assignment: { cluster_name: "sds-grpc", endpoints: [{ lb_endpoints }] },
  };
}

/** Takes mTLS on `port`, and passes on to the origin. */
function serving(port: number, prefixes: readonly string[], pipe = "/nowhere"): string {
  const listener = httpListener({ name: "in", routes: to("origin") }) as {
    filter_chains: object[];
  };
  const mutual = socket("DownstreamTlsContext", prefixes, { require_client_certificate: true });
  const filter_chains = listener.filter_chains.map((chain) => ({ ...chain, ...mutual }));
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  const clusters = [staticCluster("origin", [origin]), sdsCluster(pipe)];
  return bootstrapOf([{ ...listener, filter_chains, address }], clusters);
}

/** Takes plain HTTP on `port`, and calls `other` by mTLS, with one connection for each request. */
function calling(port: number, other: number, prefixes: readonly string[]): string {
  const listener = httpListener({ name: "out", routes: to("other") }) as object;
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  const cluster = {
    ...(staticCluster("other", [other]) as object),
    ...socket("UpstreamTlsContext", prefixes),
  };
  return bootstrapOf([{ ...listener, address }], [cluster, sdsCluster("/nowhere")]);
}

function bootstrapOf(listeners: unknown[], clusters: unknown[]): string {
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
  const node = { id: "workload", cluster: "workload" };
  return JSON.stringify({ admin, node, static_resources: { listeners, clusters } });
}

async function proxyOf(text: string, { agent }: Workload): Promise<ServingProxy> {
  const { bootstrap, diagnostics } = readBootstrap(text, "proxy.json");
  if (bootstrap === undefined) throw new Error(JSON.stringify(diagnostics, undefined, 2));
  const proxy = await startProxy({ bootstrap, localSecrets: agent.secrets });
  onTestFinished(() => proxy.stop(0));
  return proxy;
}

async function status(port: number): Promise<number> {
  try {
    return (await ask(socketAddress("127.0.0.1", port), "/")).status;
  } catch {
    return 0;
  }
}

async function page(proxy: ServingProxy, name: string): Promise<string> {
  if (proxy.admin.address === undefined) throw new Error("there is no admin server");
  return (await ask(proxy.admin.address, name)).body;
}

const REVOKED = /certificates_refused_total\{[^}]*reason="revoked"[^}]*\} [1-9]/;

/** Asks again and again until `stop`, one request at a time. */
function load(port: number): { stop(): Promise<{ asked: number; failed: number }> } {
  let going = true;
  const result = { asked: 0, failed: 0 };
  const run = async (): Promise<void> => {
    while (going) {
      result.asked++;
      if ((await status(port)) !== 200) result.failed++;
    }
  };
  const running = run();
  return {
    stop: async () => {
      going = false;
      await running;
      return result;
    },
  };
}

it("a revoked workload is refused by peers, until it has another certificate", async () => {
  const security = await controlOf("cluster.local");
  const mesh = ["spiffe://cluster.local/"];
  const [server, good, bad] = await Promise.all([
    joined(security, "server"),
    joined(security, "good"),
    joined(security, "bad"),
  ]);
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const inbound = await proxyOf(serving(ports[0], mesh), server);
  await proxyOf(calling(ports[1], ports[0], mesh), good);
  await proxyOf(calling(ports[2], ports[0], mesh), bad);
  for (const port of ports.slice(1)) {
    await eventually(`port ${port}`, async () => (await status(port)) === 200);
  }
  const steady = load(ports[1]);
  expect(security.revoke({ identity: { namespace: "shop", serviceAccount: "bad" } })).toHaveLength(
    1,
  );
  await eventually("refusal", async () => (await status(ports[2])) === 503);
  await eventually("the metric", async () =>
    REVOKED.test(await page(inbound, "/stats/prometheus")),
  );
  await eventually("its agent's word", async () =>
    bad.notices.some((notice) => notice.startsWith("no certificate")),
  );
  bad.tokens.push(security.joinToken({ namespace: "shop", serviceAccount: "bad" }));
  await eventually("another certificate", async () => (await status(ports[2])) === 200);
  const { asked, failed } = await steady.stop();
  expect(asked).toBeGreaterThan(5);
  expect(failed).toBe(0);
}, 120_000);

it("workloads of two meshes call each other where names allow it", async () => {
  const eastRoots = path.join(folder, "east.pem");
  const westRoots = path.join(folder, "west.pem");
  // Each needs the other's file at its start: what is in it comes later.
  const { pem } = await TestAuthority.create("nobody yet");
  writeFileSync(westRoots, pem);
  const east = await controlOf("east.example", {
    federated: new Map([["west.example", westRoots]]),
  });
  writeFileSync(eastRoots, east.bundle.roots);
  const west = await controlOf("west.example", {
    federated: new Map([["east.example", eastRoots]]),
  });
  const server = await joined(east, "server");
  const [good, bad] = [await joined(west, "good"), await joined(east, "bad")];
  const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const east_ = ["spiffe://east.example/"];
  const inbound = await proxyOf(serving(ports[0], [...east_, "spiffe://west.example/"]), server);
  await proxyOf(serving(ports[3], east_), server);
  await proxyOf(calling(ports[1], ports[0], east_), good);
  await proxyOf(calling(ports[2], ports[0], east_), bad);
  expect(await status(ports[1])).toBe(503);
  writeFileSync(westRoots, west.bundle.roots);
  for (const port of [ports[1], ports[2]]) {
    await eventually(`port ${port}`, async () => (await status(port)) === 200);
  }
  expect(await shown(ports[3], bad)).toBe(200);
  expect(await shown(ports[3], good)).toBe(0);
  expect(await shown(ports[0], good)).toBe(200);
  const steady = load(ports[1]);
  east.revoke({ identity: { namespace: "shop", serviceAccount: "bad" } });
  await eventually("refusal", async () => (await status(ports[2])) === 503);
  await eventually("the metric", async () =>
    REVOKED.test(await page(inbound, "/stats/prometheus")),
  );
  const { asked, failed } = await steady.stop();
  expect(asked).toBeGreaterThan(1);
  expect(failed).toBe(0);
}, 120_000);

/** What a connection of its own is answered that shows the workload's certificate; 0: nothing. */
function shown(port: number, { agent }: Workload): Promise<number> {
  const { chain, key } = agent.held ?? { chain: "", key: "" };
  const identity = { cert: chain, key, rejectUnauthorized: false, agent: false };
  return new Promise((resolve) => {
    const options = { host: "127.0.0.1", port, path: "/", ...identity };
    const request = https.get(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", () => resolve(0));
  });
}

/** The agent of a workload, and where an Envoy asks it for secrets. */
async function withSocket(workload: Workload): Promise<string> {
  const socketPath = path.join(folder, "uds", "socket");
  const sds = await startSecretServer({
    socket: { path: socketPath, group: undefined },
    secrets: workload.agent.secrets,
    registry: new Registry(),
    onNotice: (notice) => workload.notices.push(notice),
  });
  onTestFinished(() => sds.stop());
  return socketPath;
}

describeWith(["envoy"], "a real Envoy by our agent's SDS", () => {
  it.each([false, true])("refuses who is revoked, federated: %s", async (federated) => {
    const other = path.join(folder, "other.pem");
    const { pem } = await TestAuthority.create("other");
    writeFileSync(other, pem);
    const more = federated ? { federated: new Map([["other.example", other]]) } : {};
    const security = await controlOf("cluster.local", more);
    const mesh = ["spiffe://cluster.local/"];
    const [server, good, bad] = await Promise.all([
      joined(security, "server"),
      joined(security, "good"),
      joined(security, "bad"),
    ]);
    const pipe = await withSocket(server);
    const port = await freePort();
    const envoy = startEnvoy(serving(port, mesh, pipe));
    onTestFinished(() => envoy.stop());
    for (const each of [good, bad]) {
      await eventually("an answer", async () => (await shown(port, each)) === 200);
    }
    security.revoke({ identity: { namespace: "shop", serviceAccount: "bad" } });
    await eventually("refusal", async () => (await shown(port, bad)) === 0);
    expect(await shown(port, good)).toBe(200);
  });
});
