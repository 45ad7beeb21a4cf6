/**
 * What the control plane tells two sidecars of one mesh, run by real programs on loopback
 * addresses: ours or Envoy on either side. The test gives them what an agent would; everything else
 * of the TLS is the snapshot's.
 */
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import { ClusterSchema } from "../../src/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "../../src/gen/envoy/config/listener/v3/listener_pb.js";
import type { Cluster } from "../../src/model/cluster.ts";
import type { FilterChain, Listener } from "../../src/model/listener.ts";
import type { Pod } from "../../src/model/mesh.ts";
import { type DataSource, NO_VALIDATION, type TlsContext } from "../../src/model/transport/tls.ts";
import { REGISTRY } from "../../src/xds/message/any.ts";
import { CODECS } from "../../src/xds/resource.ts";
import type { TestAuthority, TestCertificate } from "./certificates.ts";
import { eventually, type RunningProgram, startEnvoy, startOutrigger } from "./envoy-process.ts";
import { meshOf, podsOfMesh, sidecarNode, snapshotOf } from "./mesh.ts";
import { httpListener } from "./proxy-setup.ts";

export type Plane = "outrigger" | "envoy";

const SERVER = "127.0.45.2";
const CLIENT = "127.0.45.9";
const HOST = "web.shop.svc.cluster.local";

/** Service port, its container port, and where clients of the pair find it. */
export const PORTS = {
  http: { service: 80, pod: 8080, door: 18080 },
  tcp: { service: 81, pod: 8081, door: 18081 },
  any: { service: 83, pod: 8083, door: 18083 },
} as const;

export type PortName = keyof typeof PORTS;

const MESH = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
    - { name: tcp-raw, port: 81, targetPort: 8081 }
    - { name: any, port: 83, targetPort: 8083 }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web } }
spec: { containers: [{ name: web, image: web }] }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: peers, namespace: shop }
spec: { mtls: { mode: MODE } }
`;

export interface PairOptions {
  readonly mode: "STRICT" | "PERMISSIVE" | "DISABLE";
  readonly client: Plane;
  readonly server: Plane;
  readonly identity: { readonly authority: TestAuthority; readonly certificate: TestCertificate };
  /** Further objects of the mesh, as a DestinationRule. */
  readonly more?: string;
  /** The client has a certificate; default true. */
  readonly clientIdentity?: boolean;
}

export interface MeshedPair {
  /** The pod itself, in front of its sidecar. */
  readonly pod: { readonly host: string; readonly ports: Readonly<Record<PortName, number>> };
  /** The client's side: what is sent there goes through both sidecars. */
  readonly door: { readonly host: string; readonly ports: Readonly<Record<PortName, number>> };
  readonly serverAdmin: string;
  readonly clientAdmin: string;
  stop(): Promise<void>;
}

export async function startMeshedPair(options: PairOptions): Promise<MeshedPair> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-pair-"));
  const undo: (() => unknown)[] = [() => fs.rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const origins = await Promise.all([echoHttp(), echoTcp()]);
    undo.push(...origins.map((origin) => () => origin.close()));
    const files = writeSecrets(folder, options.identity);
    const [client, server] = configurationsOf(options, origins.map(portOf), files);
    const admins = { server: `${SERVER}:19001`, client: `${CLIENT}:19001` };
    for (const [side, config] of [["server", server] as const, ["client", client] as const]) {
      const program = run(options[side], bootstrapOf(config, options[side], admins[side]));
      undo.push(() => program.stop());
      await ready(program, admins[side]);
    }
    return {
      pod: { host: SERVER, ports: portsBy("pod") },
      door: { host: CLIENT, ports: portsBy("door") },
      serverAdmin: `http://${admins.server}`,
      clientAdmin: `http://${admins.client}`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function portsBy(of: "pod" | "door"): Record<PortName, number> {
  return { http: PORTS.http[of], tcp: PORTS.tcp[of], any: PORTS.any[of] };
}

function run(plane: Plane, bootstrap: string): RunningProgram {
  return plane === "envoy" ? startEnvoy(bootstrap) : startOutrigger(bootstrap);
}

async function ready(program: RunningProgram, admin: string): Promise<void> {
  try {
    await eventually("the program is ready", async () => {
      const answer = await fetch(`http://${admin}/ready`).catch(() => undefined);
      return answer?.status === 200;
    });
  } catch (error) {
    throw new Error(program.log(), { cause: error });
  }
}

interface Sided {
  readonly listeners: readonly JsonObject[];
  readonly clusters: readonly JsonObject[];
}

interface Secrets {
  readonly identity: PairOptions["identity"];
  /** For Envoy. */
  readonly files: { readonly certificate: string; readonly bundle: string };
}

function configurationsOf(
  options: PairOptions,
  origins: readonly number[],
  files: Secrets["files"],
): readonly [client: Sided, server: Sided] {
  const mesh = meshOf(MESH.replace("MODE", options.mode) + (options.more ?? ""));
  const secrets = { identity: options.identity, files };
  const [httpOrigin = 0, tcpOrigin = 0] = origins;
  const appSockets = {
    8080: `127.0.0.1:${httpOrigin}`,
    8081: `127.0.0.1:${tcpOrigin}`,
    8083: `127.0.0.1:${httpOrigin}`,
  };
  const pods: Pod[] = podsOfMesh(mesh).map((pod) => {
    return { ...pod, address: SERVER, hasIdentity: true, appSockets };
  });
  const [pod] = pods;
  if (pod === undefined) throw new Error("the mesh has no pod");
  const shop = { namespace: "shop", explicit: true };
  const inbound = snapshotOf(mesh, pods, sidecarNode(pod, { ...shop, identity: true }));
  const client = { name: "client", address: CLIENT };
  const { clientIdentity: identity = true } = options;
  const outbound = snapshotOf(mesh, pods, sidecarNode(client, { ...shop, identity }));
  const endpoints = new Map(outbound.endpoints.map((each) => [each.clusterName, each]));
  const towards = Object.values(PORTS).map(({ service }) => `outbound|${service}||${HOST}`);
  const clusters = outbound.clusters
    .filter(({ name }) => towards.includes(name))
    .map((cluster): Cluster => {
      return { ...cluster, discovery: "static", loadAssignment: endpoints.get(cluster.name) };
    });
  return [
    {
      listeners: doors(),
      clusters: clusters.map((cluster) => encodeCluster(cluster, secrets, options.client)),
    },
    {
      listeners: inbound.listeners
        .filter(({ direction }) => direction === "inbound")
        .map((listener) => encodeListener(listener, secrets, options.server)),
      clusters: inbound.clusters
        .filter(({ name }) => name.startsWith("inbound|") || name === "BlackHoleCluster")
        .map((cluster) => encodeCluster(cluster, secrets, options.server)),
    },
  ];
}

/** The client's listeners are the test's own: one for each port of the service. */
function doors(): readonly JsonObject[] {
  const at = (port: number): JsonObject => ({
    socket_address: { address: CLIENT, port_value: port },
  });
  const tcp = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
  return (Object.keys(PORTS) as PortName[]).map((name) => {
    const { service, door } = PORTS[name];
    const cluster = `outbound|${service}||${HOST}`;
    if (name !== "tcp") {
      const routes = [{ match: { prefix: "/" }, route: { cluster } }];
      return { ...(httpListener({ name, routes }) as JsonObject), address: at(door) };
    }
    const typed_config = { "@type": tcp, stat_prefix: name, cluster };
    return { name, address: at(door), filter_chains: [{ filters: [{ name, typed_config }] }] };
  });
}

function bootstrapOf({ listeners, clusters }: Sided, plane: Plane, admin: string): string {
  const [address = "", port = ""] = admin.split(":");
  const socket_address = { address, port_value: Number(port) };
  return JSON.stringify({
    node: { id: plane, cluster: plane },
    admin: { address: { socket_address } },
    static_resources: { listeners: [...listeners], clusters: [...clusters] },
  });
}

function encodeCluster(model: Cluster, secrets: Secrets, plane: Plane): JsonObject {
  const { tls, transportSocketMatches: matches } = model;
  const cluster: Cluster = {
    ...model,
    // The client's address is no pod's of this machine's network.
    bindAddress: undefined,
    tls: tls && given(tls, secrets, plane),
    ...(matches === undefined
      ? {}
      : {
          transportSocketMatches: matches.map((match) => {
            return { ...match, tls: match.tls && given(match.tls, secrets, plane) };
          }),
        }),
  };
  const message = fromBinary(ClusterSchema, CODECS.cluster.encode(cluster, plane));
  return toJson(ClusterSchema, message, { registry: REGISTRY }) as JsonObject;
}

function encodeListener(model: Listener, secrets: Secrets, plane: Plane): JsonObject {
  const chain = (one: FilterChain): FilterChain => {
    return { ...one, tls: one.tls && given(one.tls, secrets, plane) };
  };
  const listener = { ...model, filterChains: model.filterChains.map(chain) };
  const message = fromBinary(ListenerSchema, CODECS.listener.encode(listener, plane));
  return toJson(ListenerSchema, message, { registry: REGISTRY }) as JsonObject;
}

/** What an agent would give: to Envoy by SDS, out of files; to ours as it stands. */
function given<T extends TlsContext>(tls: T, secrets: Secrets, plane: Plane): T {
  const { certificateSecrets = [], validationSecret, ...rest } = tls;
  if (validationSecret === undefined) return tls;
  for (const { name, source } of [...certificateSecrets, validationSecret]) {
    if (source.kind !== "cluster" || source.cluster !== "sds-grpc") throw new Error(name);
  }
  if (plane === "outrigger") {
    const { authority, certificate } = secrets.identity;
    const trustedCa = inline(authority.pem);
    return {
      ...(rest as T),
      certificates: [
        { certificateChain: inline(certificate.chain), privateKey: inline(certificate.key) },
      ],
      validation: { ...(tls.validation ?? NO_VALIDATION), trustedCa },
    };
  }
  const { certificate, bundle } = secrets.files;
  return {
    ...tls,
    certificateSecrets: [{ name: "default", source: { kind: "file", path: certificate } }],
    validationSecret: { name: "ROOTCA", source: { kind: "file", path: bundle } },
  };
}

function inline(text: string): DataSource {
  return { kind: "inline", text };
}

/** As an SDS server's answers (Envoy: a file with a DiscoveryResponse). */
function writeSecrets(folder: string, { authority, certificate }: PairOptions["identity"]) {
  const type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
  const write = (name: string, secret: JsonObject): string => {
    const file = path.join(folder, `${name}.json`);
    fs.writeFileSync(file, JSON.stringify({ resources: [{ "@type": type, name, ...secret }] }));
    return file;
  };
  return {
    certificate: write("default", {
      tls_certificate: {
        certificate_chain: { inline_string: certificate.chain },
        private_key: { inline_string: certificate.key },
      },
    }),
    bundle: write("ROOTCA", {
      validation_context: { trusted_ca: { inline_string: authority.pem } },
    }),
  };
}

/** Answers with the headers that it was sent. */
async function echoHttp(): Promise<net.Server> {
  const server = http.createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(request.headers));
  });
  return await listening(server);
}

async function echoTcp(): Promise<net.Server> {
  return await listening(net.createServer((socket) => socket.on("error", () => 0).pipe(socket)));
}

async function listening(server: net.Server): Promise<net.Server> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}
