import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { TestAuthority, type TestCertificate } from "./certificates.ts";
import { freePort } from "./envoy-process.ts";
import { EchoClient, EchoServer } from "./grpc-peer.ts";
import { type ProxyKind, type ProxyProgram, startProgram } from "./proxy-program.ts";
import { OVER_HTTP2, staticCluster } from "./proxy-setup.ts";

const TYPES = "type.googleapis.com/envoy.extensions";
/** By authority: what the last proxy of a chain does with a call. */
const ROUTES: Readonly<Record<string, object>> = {
  "echo.test": { route: { cluster: "echo", timeout: "0s" } },
  "dead.test": { route: { cluster: "dead", timeout: "0s" } },
  "direct.test": { direct_response: { status: 403, body: { inline_string: "100% refused" } } },
  "retry.test": {
    route: {
      cluster: "echo",
      timeout: "0s",
      retry_policy: { retry_on: "unavailable", num_retries: 1 },
    },
  },
  "bounded.test": {
    route: { cluster: "echo", max_stream_duration: { grpc_timeout_header_max: "0.2s" } },
  },
};

/** The names that the certificate of all ends is for. */
const NAMES = [...Object.keys(ROUTES), "next.test"];

/** Keys and certificates as files; proxies read them by name. */
class Tls {
  readonly #folder: string;
  readonly #authority: TestAuthority;
  readonly #own: TestCertificate;

  private constructor(authority: TestAuthority, own: TestCertificate) {
    this.#folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-grpc-"));
    this.#authority = authority;
    this.#own = own;
    fs.writeFileSync(this.#file("ca.pem"), authority.pem);
    fs.writeFileSync(this.#file("cert.pem"), own.chain);
    fs.writeFileSync(this.#file("key.pem"), own.key);
  }

  static async make(): Promise<Tls> {
    const authority = await TestAuthority.create();
    const sans = NAMES.map((value) => ({ type: "dns", value }) as const);
    return new Tls(authority, await authority.issue({ sans }));
  }

  clean(): void {
    fs.rmSync(this.#folder, { recursive: true });
  }

  forServer(): grpc.ServerCredentials {
    const pair = {
      private_key: Buffer.from(this.#own.key),
      cert_chain: Buffer.from(this.#own.chain),
    };
    return grpc.ServerCredentials.createSsl(null, [pair]);
  }

  forClient(): grpc.ChannelCredentials {
    return grpc.credentials.createSsl(Buffer.from(this.#authority.pem));
  }

  /** A listener's `transport_socket`. */
  downstream(): object {
    return this.#socket("DownstreamTlsContext", {
      common_tls_context: { ...this.#certificates(), alpn_protocols: ["h2"] },
    });
  }

  /** A cluster's. */
  upstream(): object {
    const trusted_ca = { filename: this.#file("ca.pem") };
    const san = { san_type: "DNS", matcher: { exact: "echo.test" } };
    const validation = { trusted_ca, match_typed_subject_alt_names: [san] };
    return this.#socket("UpstreamTlsContext", {
      sni: "echo.test",
      common_tls_context: { alpn_protocols: ["h2"], validation_context: validation },
    });
  }

  #socket(name: string, config: object): object {
    const type = `${TYPES}.transport_sockets.tls.v3.${name}`;
    return { name: "tls", typed_config: { "@type": type, ...config } };
  }

  #certificates(): object {
    const certificate_chain = { filename: this.#file("cert.pem") };
    const private_key = { filename: this.#file("key.pem") };
    return { tls_certificates: [{ certificate_chain, private_key }] };
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }
}

/** Two gRPC servers behind one or two proxies, each of which speaks HTTP/2 on both sides. */
export class GrpcChain {
  readonly servers: readonly [EchoServer, EchoServer];
  readonly #tls: Tls | undefined;
  readonly #programs: ProxyProgram[] = [];
  readonly #clients: EchoClient[] = [];

  private constructor(servers: readonly [EchoServer, EchoServer], tls: Tls | undefined) {
    this.servers = servers;
    this.#tls = tls;
  }

  /** `kinds`: from the client's side. */
  static async start(kinds: readonly ProxyKind[], secure: boolean): Promise<GrpcChain> {
    const tls = secure ? await Tls.make() : undefined;
    const servers = [
      await EchoServer.listen("a", tls?.forServer()),
      await EchoServer.listen("b", tls?.forServer()),
    ] as const;
    const chain = new GrpcChain(servers, tls);
    await chain.#runLast(kinds.at(-1) ?? "envoy");
    for (const kind of kinds.slice(0, -1).toReversed()) await chain.#runBefore(kind);
    return chain;
  }

  /** A client with a connection of its own; the authority chooses the route. */
  client(authority = "echo.test"): EchoClient {
    const client = new EchoClient(this.port, this.#tls?.forClient(), authority);
    this.#clients.push(client);
    return client;
  }

  /** Of the proxy that is nearest to the client. */
  get port(): number {
    return this.#programs[0]?.port ?? 0;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.stop();
    for (const program of this.#programs) await program.stop();
    for (const server of this.servers) server.stop();
    this.#tls?.clean();
  }

  async #runLast(kind: ProxyKind): Promise<void> {
    const ports = this.servers.map(({ port }) => port);
    const hosts = Object.entries(ROUTES).map(([domain, action]) => hostOf(domain, action));
    const dead = this.#cluster("dead", [await freePort()]);
    await this.#run(kind, hosts, [this.#cluster("echo", ports), dead]);
  }

  #runBefore(kind: ProxyKind): Promise<void> {
    const all = hostOf("*", { route: { cluster: "next", timeout: "0s" } });
    return this.#run(kind, [all], [this.#cluster("next", [this.port])]);
  }

  async #run(
    kind: ProxyKind,
    hosts: readonly object[],
    clusters: readonly unknown[],
  ): Promise<void> {
    const program = await startProgram(kind, this.#listener(hosts), clusters);
    this.#programs.unshift(program);
  }

  #listener(hosts: readonly object[]): unknown {
    const socket = this.#tls === undefined ? {} : { transport_socket: this.#tls.downstream() };
    const manager = {
      "@type": `${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: "in",
      route_config: { name: "all", virtual_hosts: hosts },
      http_filters: ["grpc_web.v3.GrpcWeb", "router.v3.Router"].map((type) => ({
        name: type,
        typed_config: { "@type": `${TYPES}.filters.http.${type}` },
      })),
    };
    return {
      name: "in",
      address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
      filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }], ...socket }],
    };
  }

  #cluster(name: string, ports: readonly number[]): unknown {
    const socket = this.#tls === undefined ? {} : { transport_socket: this.#tls.upstream() };
    return staticCluster(name, ports, { ...OVER_HTTP2, ...socket });
  }
}

function hostOf(domain: string, action: object): object {
  return { name: domain, domains: [domain], routes: [{ match: { prefix: "/" }, ...action }] };
}
