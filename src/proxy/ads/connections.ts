import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Clock, Timer } from "../../base/clock.ts";
import { fileFault } from "../../base/file-fault.ts";
import { readSubjectAltNames } from "../../identity/subject-alt-names.ts";
import { type Address, formatAddress } from "../../model/address.ts";
import type { AdsSource, Bootstrap } from "../../model/bootstrap.ts";
import type { Secret } from "../../model/transport/secret.ts";
import { secretsOfContext } from "../../model/transport/secrets-in-use.ts";
import type { DataSource, UpstreamTls } from "../../model/transport/tls.ts";
import { withSecrets } from "../secrets/effective-context.ts";
import type { LocalSecrets } from "../secrets/local-secrets.ts";
import { secretKey } from "../secrets/secret-key.ts";
import { readLists } from "../tls/material.ts";
import { NameMatchers } from "../tls/peer/san-matcher.ts";
import { FileWatcher } from "../tls/renewal/file-watcher.ts";

const PING_MS = 30_000;
const RESPONSE_BYTES_MAX = 512 * 1024 * 1024;
/** A certificate and the roots may change one after the other. */
const QUIET_MS = 50;

export interface AdsConnectionsOptions {
  readonly ads: AdsSource;
  /** Static ones, by name. */
  readonly secrets: Bootstrap["secrets"];
  readonly localSecrets: LocalSecrets | undefined;
  readonly clock: Clock;
  /** A connection that is made now would show another certificate, or believe other roots. */
  readonly onChange: () => void;
}

/** One way to the control plane. */
export interface AdsConnection {
  readonly transport: Transport;
  close(): void;
}

/** How the control plane is reached: gRPC on HTTP/2, with TLS where the cluster has it. */
export class AdsConnections {
  readonly #options: AdsConnectionsOptions;
  readonly #tls: UpstreamTls | undefined;
  readonly #watcher: FileWatcher;
  #stopFollowing: () => void = () => undefined;
  #quiet: Timer | undefined;

  constructor(options: AdsConnectionsOptions) {
    const { ads, clock } = options;
    this.#options = options;
    this.#tls = ads.target.tls;
    this.#watcher = new FileWatcher(clock, () => options.onChange());
  }

  start(): void {
    const names = new Set(secretsOfContext(this.#tls).map(({ name }) => name));
    const stop = this.#options.localSecrets?.onChange((name) => {
      if (names.has(name)) this.#changed();
    });
    if (stop !== undefined) this.#stopFollowing = stop;
  }

  /** The secrets that are missing still; empty: a connection can be made. */
  get awaited(): readonly string[] {
    const known = this.#known();
    const missing = secretsOfContext(this.#tls).filter((ref) => !known.has(secretKey(ref)));
    return missing.map(({ name }) => name);
  }

  /** Throws an Error where what the connection needs cannot be read, or is missing. */
  open(address: Address): AdsConnection {
    const isPipe = address.kind === "pipe";
    const scheme = this.#tls === undefined ? "http" : "https";
    const baseUrl = `${scheme}://${isPipe ? "localhost" : formatAddress(address)}`;
    const nodeOptions: ConnectionOptions = {
      ...this.#tlsOptions(),
      // http2.connect hands its options on to the socket, where a path wins over host and port.
      ...(isPipe ? { path: address.path } : {}),
    };
    // While the stream is open; an idle one's timer would outlive the connection, and throw.
    const pings = { pingIntervalMs: PING_MS };
    const sessionManager = new Http2SessionManager(baseUrl, pings, nodeOptions);
    return {
      transport: createGrpcTransport({ baseUrl, sessionManager, readMaxBytes: RESPONSE_BYTES_MAX }),
      close: () => sessionManager.abort(),
    };
  }

  stop(): void {
    this.#stopFollowing();
    this.#quiet?.cancel();
    this.#watcher.stop();
  }

  #changed(): void {
    this.#quiet?.cancel();
    this.#quiet = this.#options.clock.after(QUIET_MS, () => this.#options.onChange());
  }

  #known(): ReadonlyMap<string, Secret> {
    const { secrets = [], localSecrets } = this.#options;
    const known = new Map<string, Secret>();
    for (const secret of secrets) {
      known.set(secretKey({ name: secret.name, source: { kind: "static" } }), secret);
    }
    for (const ref of secretsOfContext(this.#tls)) {
      const secret = ref.source.kind === "cluster" ? localSecrets?.current(ref.name) : undefined;
      if (secret !== undefined) known.set(secretKey(ref), secret);
    }
    return known;
  }

  #tlsOptions(): ConnectionOptions {
    if (this.#tls === undefined) return {};
    const tls = withSecrets(this.#tls, this.#known());
    if (tls === undefined) throw new Error(`secrets are missing: ${this.awaited.join(", ")}`);
    const { certificates, validation, sni, cipherSuites, ecdhCurves } = tls;
    const { trustedCa, crl, sans = [] } = validation ?? {};
    if (trustedCa === undefined) throw new Error("nobody vouches for the control plane");
    return {
      ca: this.#read(trustedCa),
      // Of a text the library would read the first list alone.
      ...(crl === undefined ? {} : { crl: [...readLists(crl, (source) => this.#bytes(source))] }),
      cert: certificates.map(({ certificateChain }) => this.#read(certificateChain)),
      key: certificates.map(({ privateKey }) => this.#read(privateKey)),
      ...(sni === "" ? {} : { servername: sni }),
      minVersion: tls.minVersion,
      maxVersion: tls.maxVersion,
      ...(cipherSuites.length > 0 ? { ciphers: cipherSuites.join(":") } : {}),
      ...(ecdhCurves.length > 0 ? { ecdhCurve: ecdhCurves.join(":") } : {}),
      checkServerIdentity: (_host, { raw }) => nameFault(new NameMatchers(sans), raw),
    };
  }

  #bytes(source: DataSource): Buffer {
    return Buffer.from(this.#read(source));
  }

  #read(source: DataSource): string {
    if (source.kind === "inline") return source.text;
    this.#watcher.follow(source.path);
    try {
      return readFileSync(source.path, "utf8");
    } catch (error) {
      throw new Error(`${source.path} ${fileFault(error)}`);
    }
  }
}

/** As Envoy compares: without names in the configuration any certificate of the roots' is good. */
function nameFault(wanted: NameMatchers, certificate: Buffer): Error | undefined {
  if (wanted.empty || wanted.matches(readSubjectAltNames(certificate))) return undefined;
  return new Error("the control plane's certificate has none of the names that are expected");
}
