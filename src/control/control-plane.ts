import type { ProxyStatusRow } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import { type Diagnostic, hasErrors, inReadingOrder } from "../base/diagnostic.ts";
import { systemRandom } from "../base/random.ts";
import type { Registry } from "../metrics/registry.ts";
import type { SocketAddress } from "../model/address.ts";
import { EMPTY_MESH, type Mesh, type Pod } from "../model/mesh.ts";
import { AddressBook } from "./addresses.ts";
import type { TrustNames } from "./ca/mesh-authority.ts";
import { bundleSecret } from "./ca/trust/bundle-secret.ts";
import { CircuitService } from "./circuits/circuit-service.ts";
import { ControlMetrics } from "./control-metrics.ts";
import { Convergence } from "./convergence.ts";
import { guardedFetch, PUBLIC_ONLY } from "./jwks/guarded-fetch.ts";
import { KeyLibrary } from "./jwks/key-library.ts";
import { fetchedRules, withFetchedKeys } from "./jwks/mesh-keys.ts";
import { PushQueue } from "./push-queue.ts";
import type {
  ControlChange,
  ControlOptions,
  ControlSecurity,
  RunningControl,
} from "./running-control.ts";
import { type AdsServer, servePlain } from "./server/ads-server.ts";
import { AdsService } from "./server/ads-service.ts";
import { type RunningHttpServer, serveHttp } from "./server/http-server.ts";
import { pagesOf } from "./server/pages.ts";
import { SecureControl } from "./server/secure/secure-control.ts";
import { statusRows } from "./server/status-rows.ts";
import { ABSENT } from "./snapshot/resilience/absent.ts";
import { SnapshotStore, type World } from "./snapshot.ts";
import { translate } from "./translate.ts";
import { validate } from "./validate.ts";
import type { SourceSet } from "./watch/documents.ts";
import { SourceWatcher } from "./watch/watcher.ts";

/** The config line, held together: what was read last, what holds, and who is told. */
export class ControlPlane implements RunningControl {
  readonly #options: ControlOptions;
  readonly #clock: Clock;
  readonly #addresses = new AddressBook();
  readonly #store = new SnapshotStore();
  readonly #queue: PushQueue;
  readonly #keys: KeyLibrary;
  readonly #metrics = new ControlMetrics({
    connected: () => this.status().length,
    services: () => this.#mesh.services.length,
    pods: () => this.#pods.length,
  });
  readonly #convergence: Convergence;
  readonly #listeners = new Set<(change: ControlChange) => void>();
  #mesh: Mesh = EMPTY_MESH;
  #pods: readonly Pod[] = [];
  #change: ControlChange = { mesh: EMPTY_MESH, diagnostics: [], accepted: true };
  #service: AdsService | undefined;
  readonly #circuits: CircuitService;
  #ads: AdsServer | undefined;
  #http: RunningHttpServer | undefined;
  #secure: SecureControl | undefined;
  #watcher: SourceWatcher | undefined;

  constructor(options: ControlOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#convergence = new Convergence(clock, (seconds) => this.#metrics.converged(seconds));
    this.#queue = new PushQueue(clock, () => this.#push());
    this.#circuits = new CircuitService({ source: this.#store, clock });
    this.#keys = new KeyLibrary({
      clock,
      random: systemRandom,
      fetch: guardedFetch(options.jwks ?? PUBLIC_ONLY),
      onChange: () => this.#queue.configurationChanged(),
    });
  }

  get mesh(): Mesh {
    return this.#mesh;
  }

  get diagnostics(): readonly Diagnostic[] {
    return [...this.#change.diagnostics, ...this.#store.problems, ...this.#keys.problems];
  }

  get adsAddress(): SocketAddress {
    const { adsAddress } = this.#options;
    const address = this.#ads?.address ?? adsAddress ?? this.#secure?.address;
    if (address === undefined) throw new Error("ADS listens nowhere");
    return address;
  }

  get httpAddress(): SocketAddress {
    return this.#http?.address ?? this.#options.httpAddress;
  }

  get security(): ControlSecurity | undefined {
    return this.#secure;
  }

  get metrics(): Registry {
    return this.#metrics.registry;
  }

  /**
   * Translates what was read; with errors in it, the mesh that holds stays whole. A circuit whose
   * target is gone is an error that harms nobody else.
   */
  read(sources: SourceSet): ControlChange {
    const { secure, settings } = this.#options;
    const federatedTrustDomains = [...(secure?.federated?.keys() ?? [])];
    const federation = federatedTrustDomains.length === 0 ? {} : { federatedTrustDomains };
    const translated = translate(sources.files, { ...settings, ...federation });
    const found = [...sources.diagnostics, ...translated.diagnostics, ...validate(translated)];
    const files = sources.files.map(({ file }) => file);
    const diagnostics = inReadingOrder(found, files);
    const accepted = !hasErrors(diagnostics.filter(({ code }) => code !== ABSENT));
    this.#metrics.read(accepted);
    if (accepted) this.#mesh = this.#addresses.assign(translated);
    this.#change = { mesh: this.#mesh, diagnostics, accepted };
    return this.#change;
  }

  /** Opens the doors. */
  async serve(): Promise<void> {
    const { adsAddress, secure } = this.#options;
    this.#keys.want(fetchedRules(this.#mesh));
    this.#store.setWorld(this.#world());
    const service = new AdsService({
      source: this.#store,
      clock: this.#clock,
      observer: {
        pushed: (type) => this.#metrics.pushed(type),
        rejected: (type) => this.#metrics.rejected(type),
        synced: ({ id }) => this.#convergence.synced(id),
      },
    });
    this.#service = service;
    if (secure !== undefined) {
      this.#secure = await SecureControl.open({
        ...secure,
        trustNames: this.#trustNames(),
        clock: this.#clock,
        registry: this.metrics,
        streams: [service, this.#circuits],
        ownerOf: (namespace, pod) => this.#store.podNamed(namespace, pod),
      });
      this.#secure.onTrustChange(() => this.#queue.configurationChanged());
      this.#store.setWorld(this.#world());
    }
    if (adsAddress !== undefined)
      this.#ads = await servePlain(service, adsAddress, [this.#circuits]);
    const pages = pagesOf({
      mesh: () => this.#mesh,
      pods: () => this.#pods,
      diagnostics: () => this.diagnostics,
      accepted: () => this.#change.accepted,
      status: () => this.status(),
      metrics: this.#metrics.registry,
    });
    const { httpAccess = {}, httpAddress } = this.#options;
    this.#http = await serveHttp({ address: httpAddress, access: httpAccess, pages });
  }

  follow(first: SourceSet): void {
    const { paths } = this.#options;
    const onChange = (sources: SourceSet): void => this.#reload(sources);
    this.#watcher = new SourceWatcher({ paths, clock: this.#clock, onChange }, first);
  }

  setPods(pods: readonly Pod[]): void {
    this.#pods = pods;
    this.#queue.endpointsChanged();
  }

  status(): readonly ProxyStatusRow[] {
    return statusRows(this.#service?.status() ?? []);
  }

  onFinding(listener: (found: readonly Diagnostic[]) => void): void {
    this.#store.onFinding(listener);
  }

  onChange(listener: (change: ControlChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#watcher?.stop();
    this.#keys.stop();
    this.#queue.stop();
    this.#service?.end();
    this.#circuits.end();
    await Promise.all([this.#ads?.stop(), this.#secure?.stop(), this.#http?.close()]);
  }

  #trustNames(): TrustNames {
    const { trustDomain, trustDomainAliases = [] } = this.#mesh.settings;
    return { trustDomain, aliases: trustDomainAliases };
  }

  #reload(sources: SourceSet): void {
    const change = this.read(sources);
    if (change.accepted) {
      this.#keys.want(fetchedRules(this.#mesh));
      this.#queue.configurationChanged();
      this.#secure?.setTrustNames(this.#trustNames());
    }
    for (const listener of this.#listeners) listener(change);
  }

  #world(): World {
    const bundle = this.#secure?.bundle;
    return {
      mesh: withFetchedKeys(this.#mesh, this.#keys),
      pods: this.#pods,
      trust: bundle === undefined ? undefined : bundleSecret(bundle),
    };
  }

  #push(): void {
    this.#store.setWorld(this.#world());
    this.#convergence.begin();
    this.#store.publish();
    const behind = (this.#service?.status() ?? []).filter(({ synced }) => !synced);
    this.#convergence.expect(behind.map(({ node }) => node.id));
  }
}
