import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Bootstrap, ProxyConfig } from "../../model/bootstrap.ts";
import type { Secret, SecretRef } from "../../model/transport/secret.ts";
import { secretsOfCluster, secretsOfListener } from "../../model/transport/secrets-in-use.ts";
import type { DataSource } from "../../model/transport/tls.ts";
import type { SdsStats } from "../telemetry/envoy/tls/sds-stats.ts";
import { readBounded } from "../tls/material.ts";
import { FileWatcher } from "../tls/renewal/file-watcher.ts";
import { FileFeed } from "./file-feed.ts";
import { FollowedSecret } from "./followed-secret.ts";
import type { LocalSecrets } from "./local-secrets.ts";
import type { SecretFeed } from "./secret-feed.ts";
import { secretKey } from "./secret-key.ts";

export interface SecretStoreOptions {
  readonly bootstrap: Bootstrap;
  readonly clock: Clock;
  readonly random: Random;
  readonly stats: SdsStats;
  /** Answers for every cluster; undefined: they are asked over gRPC. */
  readonly localSecrets: LocalSecrets | undefined;
  /** Hears what is used from now on, by `secretKey`; undefined: nobody uses it any more. */
  onSecrets(secrets: ReadonlyMap<string, Secret | undefined>): void;
  onNotice(notice: string): void;
}

/** A secret as the admin server shows it. */
export interface SecretRow {
  readonly name: string;
  readonly isStatic: boolean;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly updatedMs: number;
  /** Undefined: it has not come. */
  readonly secret: Secret | undefined;
}

/**
 * The secrets that a proxy's configuration asks for, by source and name, on the main thread: asks
 * for each, checks it, and tells those who serve of the good ones.
 */
export class SecretStore {
  readonly #options: SecretStoreOptions;
  readonly #watcher: FileWatcher;
  readonly #followed = new Map<string, FollowedSecret>();
  readonly #files = new Map<string, Buffer>();
  readonly #fromAds = new Map<string, Secret>();
  readonly #unlisten: () => void;

  constructor(options: SecretStoreOptions) {
    this.#options = options;
    this.#watcher = new FileWatcher(options.clock, (changed) => this.#onFilesChanged(changed));
    const { localSecrets } = options;
    this.#unlisten = localSecrets?.onChange((name) => this.#onLocal(name)) ?? (() => undefined);
  }

  /** Everything that is used has come, or is not waited for any more. */
  get settled(): boolean {
    return [...this.#followed.values()].every(({ settled }) => settled);
  }

  get rows(): readonly SecretRow[] {
    return [...this.#followed.values()].map((one) => ({
      name: one.ref.name,
      isStatic: one.ref.source.kind === "static",
      version: one.version,
      updatedMs: one.updatedMs,
      secret: one.inUse,
    }));
  }

  /** Has a configuration swapped in whose secrets it asks for before, and for no others later. */
  async during(
    config: ProxyConfig,
    plane: { readonly config: ProxyConfig; apply(config: ProxyConfig): Promise<void> },
  ): Promise<void> {
    await this.#follow(config);
    try {
      await plane.apply(config);
    } finally {
      this.#retain(plane.config);
    }
  }

  async #follow(config: ProxyConfig): Promise<void> {
    for (const secret of config.secrets ?? []) this.#onAds(secret);
    for (const [key, ref] of askedFor(config)) {
      if (this.#followed.has(key)) continue;
      const followed = new FollowedSecret({
        ...{ ref, clock: this.#options.clock, stats: this.#options.stats, read: this.#read },
        onUpdate: (one) => this.#onUpdate(key, one),
        onNotice: (notice) => this.#options.onNotice(notice),
      });
      this.#followed.set(key, followed);
      followed.feed = await this.#feedOf(followed);
      followed.feed.start();
    }
  }

  /** Forgets what this configuration does not ask for. */
  #retain(config: ProxyConfig): void {
    const asked = askedFor(config);
    const gone = new Map<string, undefined>();
    for (const [key, followed] of this.#followed) {
      if (asked.has(key)) continue;
      followed.stop();
      this.#followed.delete(key);
      this.#options.stats.remove(followed.ref.name);
      gone.set(key, undefined);
    }
    if (gone.size > 0) this.#options.onSecrets(gone);
    const sent = new Set((config.secrets ?? []).map(({ name }) => name));
    for (const name of this.#fromAds.keys()) if (!sent.has(name)) this.#fromAds.delete(name);
    this.#keepFiles();
  }

  /** The ADS stream has brought these, and they were refused there. */
  refused(names: Iterable<string>, reason: string): void {
    for (const name of names) {
      const key = secretKey({ name, source: { kind: "ads" } });
      this.#followed.get(key)?.onRejected(reason);
    }
  }

  stop(): void {
    this.#unlisten();
    this.#watcher.stop();
    for (const followed of this.#followed.values()) followed.stop();
  }

  async #feedOf(followed: FollowedSecret): Promise<SecretFeed> {
    const { name, source } = followed.ref;
    switch (source.kind) {
      case "file":
        return new FileFeed(source.path, name, followed, this.#readFile);
      case "cluster":
        if (this.#options.localSecrets !== undefined) {
          return whatIs(followed, () => this.#options.localSecrets?.current(name));
        }
        return await this.#sdsFeed(followed, source.cluster);
      case "ads":
        return whatIs(followed, () => this.#fromAds.get(name));
      case "static":
        return whatIs(followed, () =>
          this.#options.bootstrap.secrets?.find((secret) => secret.name === name),
        );
    }
  }

  /** gRPC is loaded where it is used. */
  async #sdsFeed(followed: FollowedSecret, name: string): Promise<SecretFeed> {
    const { bootstrap, clock, random } = this.#options;
    const { ads, clusters, node } = bootstrap;
    const known = ads === undefined ? clusters : [...clusters, ads.target];
    const cluster = known.find((one) => one.name === name);
    if (cluster === undefined) return never(followed, `${name} is no static cluster`);
    if (cluster.tls !== undefined) {
      return never(followed, `cluster ${name} speaks TLS, and SDS is spoken in plain HTTP/2`);
    }
    const { SdsFeed } = await import("./sds-feed.ts");
    return new SdsFeed(followed.ref.name, followed, { node, cluster, clock, random });
  }

  #onAds(secret: Secret): void {
    if (this.#fromAds.get(secret.name) === secret) return;
    this.#fromAds.set(secret.name, secret);
    this.#reload(secretKey({ name: secret.name, source: { kind: "ads" } }));
  }

  #onLocal(name: string): void {
    for (const [key, { ref }] of this.#followed) {
      if (ref.source.kind === "cluster" && ref.name === name) this.#reload(key);
    }
  }

  #reload(key: string): void {
    this.#followed.get(key)?.feed?.reload();
  }

  #onUpdate(key: string, { inUse }: FollowedSecret): void {
    this.#options.onSecrets(new Map([[key, inUse]]));
    this.#keepFiles();
  }

  #onFilesChanged(changed: ReadonlySet<string>): void {
    for (const path of changed) this.#files.delete(path);
    for (const followed of this.#followed.values()) {
      const { source } = followed.ref;
      if (source.kind === "file" && changed.has(source.path)) followed.feed?.reload();
      else if (followed.files.some((path) => changed.has(path))) followed.onFilesChanged();
    }
  }

  readonly #read = (source: DataSource): Buffer =>
    source.kind === "inline" ? Buffer.from(source.text) : this.#readFile(source.path);

  readonly #readFile = (path: string): Buffer => {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    this.#watcher.follow(path);
    const bytes = readBounded(path);
    this.#files.set(path, bytes);
    return bytes;
  };

  #keepFiles(): void {
    const paths = new Set<string>();
    for (const { files, ref } of this.#followed.values()) {
      if (ref.source.kind === "file") paths.add(ref.source.path);
      for (const path of files) paths.add(path);
    }
    this.#watcher.keep(paths);
    for (const path of this.#files.keys()) if (!paths.has(path)) this.#files.delete(path);
  }
}

/** By `secretKey`. */
function askedFor({ clusters, listeners }: ProxyConfig): ReadonlyMap<string, SecretRef> {
  const refs = [...clusters.flatMap(secretsOfCluster), ...listeners.flatMap(secretsOfListener)];
  return new Map(refs.map((ref) => [secretKey(ref), ref]));
}

/** A secret that somebody else holds, who says when to look. */
function whatIs(followed: FollowedSecret, current: () => Secret | undefined): SecretFeed {
  const reload = (): void => {
    const secret = current();
    if (secret === undefined) return;
    followed.onAttempt();
    followed.onSecret(secret, "");
  };
  return { start: reload, reload, stop: () => undefined };
}

/** Nobody can be asked. */
function never(followed: FollowedSecret, reason: string): SecretFeed {
  const start = (): void => followed.onFailure(reason);
  return { start, reload: () => undefined, stop: () => undefined };
}
