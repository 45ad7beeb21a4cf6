/** A proxy whose TLS contexts ask for `default` and `ROOTCA`, and whoever holds them. */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import type { Secret } from "../../src/model/transport/secret.ts";
import { readBootstrap } from "../../src/proxy/bootstrap.ts";
import { type RunningProxy, startProxy } from "../../src/proxy/main.ts";
import type { LocalSecrets } from "../../src/proxy/secrets/local-secrets.ts";
import type { TestAuthority, TestCertificate } from "./certificates.ts";
import { running } from "./one-hop.ts";
import { httpListener, staticCluster } from "./proxy-setup.ts";
import { pairOf, trusting } from "./tls-scene.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

/** As Istio writes it. */
export const FROM_AGENT: object = {
  api_config_source: {
    api_type: "GRPC",
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
  },
  resource_api_version: "V3",
};

export function ownSecret(certificate: TestCertificate, name = "default"): Secret {
  return { kind: "certificate", name, certificate: pairOf(certificate) };
}

export function rootSecret(crl: string, ...authorities: readonly TestAuthority[]): Secret {
  const [first] = authorities;
  if (first === undefined) throw new Error("nobody to believe");
  const text = authorities.map(({ pem }) => pem).join("");
  const list = crl === "" ? undefined : ({ kind: "inline", text: crl } as const);
  const trustedCa = { kind: "inline", text } as const;
  return {
    kind: "validation",
    name: "ROOTCA",
    validation: trusting(first, { trustedCa, crl: list }),
  };
}

/** An agent in the test's own process. */
export class HeldSecrets implements LocalSecrets {
  readonly #held = new Map<string, Secret>();
  readonly #listeners = new Set<(name: string) => void>();

  current(name: string): Secret | undefined {
    return this.#held.get(name);
  }

  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  put(secret: Secret): void {
    this.#held.set(secret.name, secret);
    for (const listener of this.#listeners) listener(secret.name);
  }
}

/** A transport socket that asks for `default` and `ROOTCA`. */
export function tlsSocket(
  side: "Upstream" | "Downstream",
  more: object,
  source: object = FROM_AGENT,
): object {
  const common_tls_context = {
    tls_certificate_sds_secret_configs: [{ name: "default", sds_config: source }],
    validation_context_sds_secret_config: { name: "ROOTCA", sds_config: source },
  };
  const typed_config = { "@type": `${TLS}.${side}TlsContext`, common_tls_context, ...more };
  return { name: "tls", typed_config };
}

export interface SecretSceneOptions {
  /** Where the requests go. */
  readonly origin: number;
  readonly source?: object;
  /** A socket that speaks SDS. */
  readonly agent?: string;
  readonly local?: LocalSecrets;
  readonly clock?: Clock;
  /** Of the connection to the origin, too. */
  readonly upstream?: boolean;
  /** Of clients' connections. */
  readonly downstream?: boolean;
  /** Clients show a certificate. */
  readonly mutual?: boolean;
  readonly onNotice?: (notice: string) => void;
  /** A file of response flags and transport failures. */
  readonly log?: string;
}

function logTo(file: string): object {
  const text = "%RESPONSE_FLAGS% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n";
  return {
    name: "file",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
      path: file,
      log_format: { text_format_source: { inline_string: text } },
    },
  };
}

/** Stops after the test. */
export async function secretScene(options: SecretSceneOptions): Promise<RunningProxy> {
  const { agent = "/nowhere", clock = systemClock, downstream = true, local, origin } = options;
  const { mutual = false, source = FROM_AGENT, upstream = false } = options;
  const listener = httpListener({
    routes: [{ match: { prefix: "/" }, route: { cluster: "origin", timeout: "0s" } }],
    ...(options.log === undefined ? {} : { hcm: { access_log: [logTo(options.log)] } }),
  }) as { filter_chains: object[] };
  const [chain] = listener.filter_chains;
  const server = tlsSocket("Downstream", { require_client_certificate: mutual }, source);
  const filter_chains = [downstream ? { ...chain, transport_socket: server } : chain];
  const client = { transport_socket: tlsSocket("Upstream", {}, source) };
  const sds = {
    name: "sds-grpc",
    load_assignment: {
      cluster_name: "sds-grpc",
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: agent } } } }] }],
    },
  };
  const text = JSON.stringify({
    node: { id: "proxy", cluster: "proxies" },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    static_resources: {
      listeners: [{ ...listener, filter_chains }],
      clusters: [staticCluster("origin", [origin], upstream ? client : {}), sds],
    },
  });
  const { bootstrap, diagnostics } = readBootstrap(text, "test.json");
  if (bootstrap === undefined) throw new Error(JSON.stringify(diagnostics, undefined, 2));
  const { onNotice = () => undefined } = options;
  const proxy = await startProxy({
    ...{ bootstrap, clock, onNotice, random: new SeededRandom(1) },
    ...(local === undefined ? {} : { localSecrets: local }),
  });
  running.push({ stop: () => proxy.stop(0) });
  return proxy;
}

export function portOf(proxy: RunningProxy): number {
  const bound = proxy.dataPlane.listeners.get("in")?.boundAddress;
  return bound?.kind === "socket" ? bound.port : 0;
}

/** A client over TLS; undefined where its handshake fails. */
export async function secured(
  proxy: RunningProxy,
  shown?: TestCertificate,
): Promise<TLSSocket | undefined> {
  const pair = shown === undefined ? {} : { cert: shown.chain, key: shown.key };
  const port = portOf(proxy);
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...pair });
  running.push({ stop: () => void socket.destroy() });
  try {
    await once(socket, "secureConnect");
    socket.on("error", () => undefined);
    return socket;
  } catch {
    return undefined;
  }
}

/** What the admin server answers. */
export async function adminPage({ admin }: RunningProxy, page: string): Promise<string> {
  const { address } = admin;
  if (address?.kind !== "socket") throw new Error("there is no admin server");
  const answer = await fetch(`http://127.0.0.1:${address.port}${page}`);
  return await answer.text();
}
