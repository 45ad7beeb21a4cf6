import { readFileSync, type Stats, statSync } from "node:fs";
import type { SecureContext } from "node:tls";
import type { Clock, Timer } from "../../base/clock.ts";
import { fileFault } from "../../base/file-fault.ts";
import { add } from "../../metrics/cells.ts";
import { counter } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import { tlsContextsOf } from "../../model/cluster.ts";
import type {
  DataSource,
  DownstreamTls,
  TlsContext,
  UpstreamTls,
} from "../../model/transport/tls.ts";
import { ClientContext } from "./client-context.ts";
import { FileWatcher } from "./file-watcher.ts";
import { buildContext, planContext } from "./secure-context.ts";
import { ServerContext } from "./server-context.ts";
import { ticketKeysAt, ticketKeysLeftMs } from "./session/ticket-keys.ts";

/** A bundle of all public authorities has a quarter of that. */
const FILE_BYTES_MAX = 1024 * 1024;

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

/** Counts what became of changes of certificate files, which every worker sees. */
export class TlsReloads {
  readonly #cells: Float64Array;

  constructor(registry: Registry) {
    const options = { name: "tls", columns: COLUMNS, labelNames: [], rowsMax: 1 };
    this.#cells = registry.table(options).row([]).cells;
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
  key: string;
}

/**
 * All TLS contexts of a proxy. Who asks for the same configuration twice gets the same context, and
 * contexts of the same certificates share the library's part. The files are followed: a change is
 * taken over by new connections, or, where it cannot be used, the last good one stays.
 */
export class TlsContexts {
  readonly #options: TlsContextsOptions;
  readonly #watcher: FileWatcher;
  readonly #entries = new Map<string, Entry>();
  readonly #shared = new Map<string, SecureContext>();
  readonly #files = new Map<string, Buffer>();
  #ticketKeys: Timer | undefined;

  constructor(options: TlsContextsOptions) {
    this.#options = options;
    this.#watcher = new FileWatcher(options.clock, (changed) => this.#reload(changed));
  }

  /** Throws an Error that names the file or setting that cannot be used. */
  server(config: DownstreamTls): ServerContext {
    const name = `server ${JSON.stringify(config)}`;
    const known = this.#entries.get(name)?.context;
    if (known instanceof ServerContext) return known;
    const { key, secure } = this.#load(config);
    const context = new ServerContext(config, secure);
    this.#entries.set(name, { config, context, key });
    if (this.#ticketKeys === undefined) this.#awaitTicketKeys();
    return context;
  }

  /** Throws an Error that names the file or setting that cannot be used. */
  client(config: UpstreamTls): ClientContext {
    const name = `client ${JSON.stringify(config)}`;
    const known = this.#entries.get(name)?.context;
    if (known instanceof ClientContext) return known;
    const { key, secure } = this.#load(config);
    const context = new ClientContext(config, secure);
    this.#entries.set(name, { config, context, key });
    return context;
  }

  /** Forgets, and no longer follows, what this configuration does not use. */
  retain({ clusters, listeners }: ProxyConfig): void {
    const used = new Set<string>();
    for (const { defaultFilterChain, filterChains } of listeners) {
      const chains = [...filterChains, ...(defaultFilterChain ? [defaultFilterChain] : [])];
      for (const { tls } of chains) if (tls) used.add(`server ${JSON.stringify(tls)}`);
    }
    for (const tls of clusters.flatMap(tlsContextsOf)) used.add(`client ${JSON.stringify(tls)}`);
    for (const name of this.#entries.keys()) if (!used.has(name)) this.#entries.delete(name);
    const paths = new Set([...this.#entries.values()].flatMap(({ config }) => pathsOf(config)));
    this.#watcher.keep(paths);
    for (const path of this.#files.keys()) if (!paths.has(path)) this.#files.delete(path);
    this.#forgetUnshared();
  }

  stop(): void {
    this.#watcher.stop();
    this.#ticketKeys?.cancel();
  }

  #load(config: Entry["config"]): { key: string; secure: SecureContext } {
    const { clock, ticketSecret } = this.#options;
    const plan = planContext(config, this.#read, ticketKeysAt(ticketSecret, clock.wall()));
    const secure = this.#shared.get(plan.key) ?? buildContext(plan);
    this.#shared.set(plan.key, secure);
    return { key: plan.key, secure };
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
    const failures = new Set<string>();
    for (const entry of this.#entries.values()) {
      if (!pathsOf(entry.config).some((path) => changed.has(path))) continue;
      try {
        this.#renew(entry);
      } catch (error) {
        failures.add(error instanceof Error ? error.message : String(error));
      }
    }
    for (const failure of failures) {
      this.#options.onNotice(`TLS files cannot be used, the last good ones stay: ${failure}`);
    }
    this.#options.reloads.count(failures.size > 0 ? "failed" : "reloaded");
    this.#forgetUnshared();
  }

  /** Files may be written anew with the same content: that is no change. */
  #renew(entry: Entry): void {
    const { key, secure } = this.#load(entry.config);
    if (key === entry.key) return;
    entry.key = key;
    const { context } = entry;
    if (context instanceof ClientContext) context.renew(secure);
    else context.secure = secure;
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
        if (entry.context instanceof ServerContext) this.#renew(entry);
      } catch {
        // The files cannot be used now, as has been told; the old keys go on.
      }
    }
    this.#forgetUnshared();
  }

  #forgetUnshared(): void {
    const used = new Set([...this.#entries.values()].map(({ key }) => key));
    for (const key of this.#shared.keys()) if (!used.has(key)) this.#shared.delete(key);
  }
}

function pathsOf({ certificates, validation }: TlsContext): readonly string[] {
  const sources = [
    ...certificates.flatMap(({ certificateChain, privateKey }) => [certificateChain, privateKey]),
    validation?.trustedCa,
    validation?.crl,
  ];
  return sources.flatMap((source) => (source?.kind === "file" ? [source.path] : []));
}

/** Throws an Error that names the file. */
function readBounded(path: string): Buffer {
  const stat = statOf(path);
  if (!stat.isFile()) throw new Error(`${path} is not a file`);
  if (stat.size > FILE_BYTES_MAX) throw new Error(`${path} has more than ${FILE_BYTES_MAX} bytes`);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`${path} ${fileFault(error)}`);
  }
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw new Error(`${path} ${fileFault(error)}`);
  }
}
