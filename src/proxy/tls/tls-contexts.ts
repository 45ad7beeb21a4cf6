import type { SecureContext } from "node:tls";
import type { Clock, Timer } from "../../base/clock.ts";
import { add } from "../../metrics/cells.ts";
import { counter, gauge } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Table } from "../../metrics/table.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import { tlsContextsOf } from "../../model/cluster.ts";
import type { Secret } from "../../model/transport/secret.ts";
import { secretsOfContext } from "../../model/transport/secrets-in-use.ts";
import type {
  DataSource,
  DownstreamTls,
  TlsContext,
  UpstreamTls,
} from "../../model/transport/tls.ts";
import {
  type ContextCertificates,
  certificatesOfContext,
  firstEndMs,
} from "../secrets/context-certificates.ts";
import { expirationsOf, withSecrets } from "../secrets/effective-context.ts";
import { secretKey } from "../secrets/secret-key.ts";
import { ClientContext } from "./client-context.ts";
import { readBounded } from "./material.ts";
import { TrustDomains } from "./peer/trust-domains.ts";
import { FileWatcher } from "./renewal/file-watcher.ts";
import type { ContextMaterial, RenewalCause } from "./renewal/renewed-context.ts";
import { buildContext, planContext } from "./renewal/secure-context.ts";
import { Trust } from "./renewal/trust.ts";
import { ServerContext } from "./server-context.ts";
import { ticketKeysAt, ticketKeysLeftMs } from "./session/ticket-keys.ts";

const COLUMNS = [
  counter(
    "outrigger_tls_reloads_total",
    "Changes of certificate files that were taken over.",
    "",
    "max",
  ),
  counter(
    "outrigger_tls_reload_failures_total",
    "Changes of certificate files that could not be used; the last good ones stay.",
    "",
    "max",
  ),
];
const RELOADED = 0;
const FAILED = 1;

const SERVER_COLUMNS = [
  gauge(
    "envoy_server_days_until_first_cert_expiring",
    "Days until the first certificate of all TLS contexts ends.",
    "days_until_first_cert_expiring",
    "max",
  ),
];
/** Envoy's value where there is no certificate. */
const NEVER_DAYS = 4_294_967_295;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Counts what became of changes of certificate files, which every worker sees. */
export class TlsReloads {
  readonly #cells: Float64Array;
  readonly #server: Table;

  constructor(registry: Registry) {
    const options = { name: "tls", columns: COLUMNS, labelNames: [], rowsMax: 1 };
    this.#cells = registry.table(options).row([]).cells;
    this.#server = registry.table({
      ...{ name: "server_certificates", columns: SERVER_COLUMNS, labelNames: [], rowsMax: 1 },
      statName: (column) => `server.${column.stat}`,
    });
  }

  /** `leftMs`: until the first certificate ends; undefined without any. */
  ends(leftMs: number | undefined): void {
    const days = leftMs === undefined ? NEVER_DAYS : Math.max(0, Math.floor(leftMs / DAY_MS));
    this.#server.row([]).cells[0] = days;
  }

  count(outcome: "reloaded" | "failed"): void {
    add(this.#cells, outcome === "reloaded" ? RELOADED : FAILED, 1);
  }
}

export interface TlsContextsOptions {
  readonly clock: Clock;
  readonly reloads: TlsReloads;
  /** Of session tickets; shared by the threads of a proxy. */
  readonly ticketSecret: Uint8Array;
  /** Hears what a log should. */
  readonly onNotice: (notice: string) => void;
}

/** Where a context's material comes from, and who uses it. */
interface Entry {
  readonly config: DownstreamTls | UpstreamTls;
  readonly context: ServerContext | ClientContext;
  /** What it works with; empty while secrets are awaited. */
  key: string;
  /** No configuration has it; it is here for its last connections. */
  abandoned: boolean;
}

/** A context's material, and what tells it from any other. */
interface Loaded {
  readonly key: string;
  readonly material: ContextMaterial | undefined;
}

const AWAITING: Loaded = { key: "", material: undefined };

/**
 * All TLS contexts of a proxy. Who asks for the same configuration twice gets the same context, and
 * contexts of the same certificates share the library's part. The files are followed, and secrets
 * come from outside: a change is taken over by new connections, or, where it cannot be used, the
 * last good one stays.
 */
export class TlsContexts {
  readonly #options: TlsContextsOptions;
  readonly #watcher: FileWatcher;
  readonly #entries = new Map<string, Entry>();
  readonly #shared = new Map<string, SecureContext>();
  readonly #files = new Map<string, Buffer>();
  readonly #secrets = new Map<string, Secret>();
  #ticketKeys: Timer | undefined;
  #hour: Timer | undefined;

  constructor(options: TlsContextsOptions) {
    this.#options = options;
    this.#watcher = new FileWatcher(options.clock, (changed) => this.#reload(changed));
    this.#tellEachHour();
  }

  /** What each context shows and believes. */
  get certificates(): readonly ContextCertificates[] {
    return [...this.#entries.values()].map(({ context }) => context.certificates);
  }

  /** Throws an Error that names the file or setting that cannot be used. */
  server(config: DownstreamTls): ServerContext {
    const name = `server ${JSON.stringify(config)}`;
    const known = this.#known(name);
    if (known instanceof ServerContext) return known;
    const { key, material } = this.#load(config);
    const context = new ServerContext(config, material, this.#options.clock);
    this.#entries.set(name, { config, context, key, abandoned: false });
    if (this.#ticketKeys === undefined) this.#awaitTicketKeys();
    return context;
  }

  /** Throws an Error that names the file or setting that cannot be used. */
  client(config: UpstreamTls): ClientContext {
    const name = `client ${JSON.stringify(config)}`;
    const known = this.#known(name);
    if (known instanceof ClientContext) return known;
    const { key, material } = this.#load(config);
    const context = new ClientContext(config, material, this.#options.clock);
    this.#entries.set(name, { config, context, key, abandoned: false });
    return context;
  }

  /**
   * Forgets, and no longer follows, what this configuration does not use, but for what still has
   * connections: these drain, lest they outlive what their peers had to be called, and whoever is
   * revoked, or under a root that goes, is found on them meanwhile.
   */
  retain({ clusters, listeners }: ProxyConfig): void {
    const used = new Set<string>();
    for (const { defaultFilterChain, filterChains } of listeners) {
      const chains = [...filterChains, ...(defaultFilterChain ? [defaultFilterChain] : [])];
      for (const { tls } of chains) if (tls) used.add(`server ${JSON.stringify(tls)}`);
    }
    for (const tls of clusters.flatMap(tlsContextsOf)) used.add(`client ${JSON.stringify(tls)}`);
    for (const [name, entry] of this.#entries) if (!used.has(name)) this.#abandon(name, entry);
    const paths = new Set([...this.#entries.values()].flatMap(({ config }) => pathsOf(config)));
    this.#watcher.keep(paths);
    for (const path of this.#files.keys()) if (!paths.has(path)) this.#files.delete(path);
    this.#forgetUnshared();
  }

  #abandon(name: string, entry: Entry): void {
    if (entry.context.connections.size === 0) this.#entries.delete(name);
    else if (!entry.abandoned) entry.context.abandon();
    entry.abandoned = true;
  }

  #known(name: string): Entry["context"] | undefined {
    const entry = this.#entries.get(name);
    if (entry !== undefined) entry.abandoned = false;
    return entry?.context;
  }

  stop(): void {
    this.#watcher.stop();
    this.#ticketKeys?.cancel();
    this.#hour?.cancel();
  }

  #tellEachHour(): void {
    this.#hour = this.#options.clock.after(HOUR_MS, () => this.#tellEachHour());
    this.#tellEnd();
  }

  /** When the first certificate ends. */
  #tellEnd(): void {
    const { clock, reloads } = this.#options;
    const first = firstEndMs(this.certificates);
    reloads.ends(first === undefined ? undefined : first - clock.wall());
  }

  /** Secrets by `secretKey`, whole and usable; undefined: there is none any more. */
  supply(secrets: ReadonlyMap<string, Secret | undefined>): void {
    for (const [key, secret] of secrets) {
      if (secret === undefined) this.#secrets.delete(key);
      else this.#secrets.set(key, secret);
    }
    const asking = [...this.#entries.values()].filter(({ config }) =>
      secretsOfContext(config).some((ref) => secrets.has(secretKey(ref))),
    );
    for (const failure of this.#renewAll(asking, "secrets")) {
      this.#options.onNotice(`secrets cannot be used, the last good ones stay: ${failure}`);
    }
    this.#forgetUnshared();
  }

  #load(given: Entry["config"]): Loaded {
    const { clock, ticketSecret } = this.#options;
    const config = withSecrets(given, this.#secrets);
    if (config === undefined) return AWAITING;
    const plan = planContext(config, this.#read, ticketKeysAt(ticketSecret, clock.wall()));
    const secure = this.#shared.get(plan.key) ?? buildContext(plan);
    this.#shared.set(plan.key, secure);
    const { validation } = config;
    const trust = new Trust(validation, this.#read);
    const expirations = expirationsOf(given, this.#secrets);
    const domains =
      validation?.trustDomains && new TrustDomains(validation.trustDomains, this.#read);
    const certificates = certificatesOfContext(config, this.#read);
    const material = { secure, validation, trust, domains, expirations, certificates };
    return { key: `${plan.key} ${JSON.stringify(validation)}`, material };
  }

  readonly #read = (source: DataSource): Buffer => {
    if (source.kind === "inline") return Buffer.from(source.text);
    const { path } = source;
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    this.#watcher.follow(path);
    const bytes = readBounded(path);
    this.#files.set(path, bytes);
    return bytes;
  };

  #reload(changed: ReadonlySet<string>): void {
    for (const path of changed) this.#files.delete(path);
    const reading = [...this.#entries.values()].filter(({ config }) =>
      pathsOf(config).some((path) => changed.has(path)),
    );
    const failures = this.#renewAll(reading, "files");
    for (const failure of failures) {
      this.#options.onNotice(`TLS files cannot be used, the last good ones stay: ${failure}`);
    }
    this.#options.reloads.count(failures.size > 0 ? "failed" : "reloaded");
    this.#forgetUnshared();
  }

  /** What went wrong, each once. */
  #renewAll(entries: readonly Entry[], cause: RenewalCause): ReadonlySet<string> {
    const failures = new Set<string>();
    for (const entry of entries) {
      try {
        this.#renew(entry, cause);
      } catch (error) {
        failures.add(error instanceof Error ? error.message : String(error));
      }
    }
    return failures;
  }

  /**
   * What is written anew with the same content is no change; and a secret that went away leaves
   * what it was used for as it is.
   */
  #renew(entry: Entry, cause: RenewalCause): void {
    const { key, material } = this.#load(entry.config);
    if (key === entry.key || material === undefined) return;
    entry.context.renew(material, cause);
    entry.key = key;
  }

  /** Connections go on: nothing that they rest on has changed. */
  #rekey(entry: Entry): void {
    const { key, material } = this.#load(entry.config);
    if (material === undefined) return;
    entry.context.rekey(material.secure);
    entry.key = key;
  }

  #awaitTicketKeys(): void {
    const { clock } = this.#options;
    const leftMs = ticketKeysLeftMs(clock.wall());
    this.#ticketKeys = clock.after(leftMs, () => this.#renewTicketKeys());
  }

  /** A context has its ticket keys for life; so contexts of servers are made anew. */
  #renewTicketKeys(): void {
    this.#awaitTicketKeys();
    for (const entry of this.#entries.values()) {
      try {
        if (entry.context instanceof ServerContext) this.#rekey(entry);
      } catch {
        // The files cannot be used now, as has been told; the old keys go on.
      }
    }
    this.#forgetUnshared();
  }

  #forgetUnshared(): void {
    const used = new Set([...this.#entries.values()].map(({ key }) => key.split(" ", 1)[0]));
    for (const key of this.#shared.keys()) if (!used.has(key)) this.#shared.delete(key);
    this.#tellEnd();
  }
}

function pathsOf({ certificates, validation }: TlsContext): readonly string[] {
  const sources = [
    ...certificates.flatMap(({ certificateChain, privateKey }) => [certificateChain, privateKey]),
    validation?.trustedCa,
    validation?.crl,
    ...(validation?.trustDomains ?? []).map(({ bundle }) => bundle),
  ];
  return sources.flatMap((source) => (source?.kind === "file" ? [source.path] : []));
}
