import { create } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import type { Clock, Timer } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { AggregatedDiscoveryService } from "../gen/envoy/service/discovery/v3/ads_pb.js";
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import type { Address } from "../model/address.ts";
import type { AdsSource, Bootstrap, ProxyConfig } from "../model/bootstrap.ts";
import { formatProblem } from "../xds/check/place.ts";
import { encodeNode } from "../xds/message/node.ts";
import { RESOURCE_TYPES, type ResourceType } from "../xds/order.ts";
import { CODECS } from "../xds/resource.ts";
import { SliceDecoder } from "../xds/stream/decode-slices.ts";
import { Outbox } from "../xds/stream/outbox.ts";
import { Received } from "../xds/stream/received.ts";
import { ClientSubscription, type SubscriptionRequest } from "../xds/stream/subscription.ts";
import { type AdsConnection, AdsConnections } from "./ads/connections.ts";
import { StreamBackOff } from "./ads/stream-back-off.ts";
import { ownPortOf } from "./cluster/own-port.ts";
import { whyUnusable } from "./received/usable.ts";
import type { LocalSecrets } from "./secrets/local-secrets.ts";

export interface ConfigClientOptions {
  readonly bootstrap: Bootstrap;
  readonly clock: Clock;
  readonly random: Random;
  /** Answer for the secrets that the way to the control plane asks a cluster for. */
  readonly localSecrets?: LocalSecrets | undefined;
  /** Called with each generation, static resources included. Never before the first is whole. */
  onConfig(config: ProxyConfig): void;
  /** Hears what a log should: connections made and lost, refusals. */
  onNotice?(notice: string): void;
  /** The control plane answers on this, until `onDisconnected`. */
  onConnected?(transport: Transport): void;
  onDisconnected?(): void;
  /** Secrets of these names have come and are refused. */
  onSecretsRefused?(names: Iterable<string>, reason: string): void;
}

/** What the admin server shows of it. */
export interface ConfigClientState {
  readonly connected: boolean;
  /** Configurations handed on so far. */
  readonly generation: number;
  /** Why the last response was refused, of each type that it holds for; else empty. */
  readonly lastRejection: string;
  /** The version that runs, by type; empty for none. */
  readonly versions: Readonly<Record<ResourceType, string>>;
}

/** How long static listeners wait for the first answers (Envoy's `initial_fetch_timeout`). */
const INITIAL_FETCH_MS = 15_000;
/** A NACK carries every problem, but a stream is no place for megabytes of them. */
const REJECTION_CHARS_MAX = 8192;

/** Takes the configuration from an ADS server, and keeps the last good one whatever happens. */
export class ConfigClient {
  readonly #options: ConfigClientOptions;
  readonly #ads: AdsSource;
  readonly #received: Received;
  readonly #decoder: SliceDecoder;
  readonly #subscriptions: Readonly<Record<ResourceType, ClientSubscription>> = {
    cluster: new ClientSubscription(),
    endpoint: new ClientSubscription(),
    listener: new ClientSubscription(),
    route: new ClientSubscription(),
    secret: new ClientSubscription(),
  };
  readonly #answered = new Set<ResourceType>();
  #outbox = new Outbox<DiscoveryRequest>();
  #abort = new AbortController();
  readonly #connections: AdsConnections;
  /** Undefined between connections. */
  #connection: AdsConnection | undefined;
  /** The connection is given up for one with another certificate. */
  #renewing = false;
  #retry: Timer | undefined;
  #firstFetch: Timer | undefined;
  /** Runs while secrets are awaited. */
  #secretFetch: Timer | undefined;
  readonly #backOff: StreamBackOff;
  #attempts = 0;
  #connected = false;
  #nodeSent = false;
  #generation = 0;
  readonly #rejections = new Map<ResourceType, string>();
  #started = false;
  #stopped = false;

  constructor(options: ConfigClientOptions, ads: AdsSource) {
    this.#options = options;
    this.#backOff = new StreamBackOff(options.random);
    this.#ads = ads;
    this.#received = new Received(options.bootstrap);
    this.#decoder = new SliceDecoder(options.clock);
    const { bootstrap, clock, localSecrets } = options;
    this.#connections = new AdsConnections({
      ...{ ads, secrets: bootstrap.secrets, localSecrets, clock },
      onChange: () => this.#renew(),
    });
  }

  get state(): ConfigClientState {
    const { cluster, endpoint, listener, route, secret } = this.#subscriptions;
    return {
      connected: this.#connected,
      generation: this.#generation,
      lastRejection: [...this.#rejections.values()].join("\n"),
      versions: {
        cluster: cluster.version,
        endpoint: endpoint.version,
        listener: listener.version,
        route: route.version,
        secret: secret.version,
      },
    };
  }

  start(): void {
    this.#firstFetch = this.#options.clock.after(INITIAL_FETCH_MS, () => {
      this.#notice("no complete configuration yet: running what there is");
      this.#emit();
    });
    this.#connections.start();
    void this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#firstFetch?.cancel();
    this.#secretFetch?.cancel();
    this.#retry?.cancel();
    this.#connections.stop();
    this.#options.onDisconnected?.();
    this.#outbox.end();
    this.#abort.abort();
    this.#connection?.close();
  }

  // ── the stream ──

  async #connect(): Promise<void> {
    const { awaited } = this.#connections;
    if (awaited.length > 0) {
      const secrets = awaited.map((name) => `secret ${name}`).join(" and ");
      this.#notice(`${secrets} has not come yet; the control plane is asked when it has`);
      return;
    }
    const address = this.#nextAddress();
    this.#outbox = new Outbox();
    this.#abort = new AbortController();
    this.#nodeSent = false;
    try {
      if (address === undefined) throw new Error(`cluster ${this.#ads.cluster} has no address`);
      const connection = this.#connections.open(address);
      this.#connection = connection;
      this.#ask();
      const client = createClient(AggregatedDiscoveryService, connection.transport);
      const responses = client.streamAggregatedResources(this.#outbox.drain(), {
        signal: this.#abort.signal,
      });
      for await (const response of responses) await this.#take(response);
      this.#lost("the control plane ended the stream");
    } catch (error) {
      this.#lost(error instanceof Error ? error.message : String(error));
    }
  }

  /** Round the endpoints of the cluster. */
  #nextAddress(): Address | undefined {
    const localities = this.#ads.target.loadAssignment?.localities ?? [];
    const endpoints = localities.flatMap((locality) => locality.endpoints);
    return endpoints[this.#attempts++ % Math.max(1, endpoints.length)]?.address;
  }

  /** A new certificate is shown at once, and a connection under way is not waited for. */
  #renew(): void {
    if (this.#stopped) return;
    if (this.#connection === undefined) {
      this.#retry?.cancel();
      void this.#connect();
      return;
    }
    this.#renewing = true;
    this.#abort.abort();
  }

  #lost(reason: string): void {
    this.#options.onDisconnected?.();
    this.#connection?.close();
    this.#connection = undefined;
    this.#connected = false;
    this.#outbox.end();
    if (this.#stopped) return;
    if (this.#renewing) {
      this.#renewing = false;
      this.#notice("asking the control plane again, with the new certificate");
      void this.#connect();
      return;
    }
    const delayMs = this.#backOff.next();
    this.#notice(`control plane lost (${reason}); again in ${delayMs} ms`);
    this.#retry = this.#options.clock.after(delayMs, () => void this.#connect());
  }

  /** The first requests of a stream: what the bootstrap asks for, and what was asked before. */
  #ask(): void {
    const { cluster, endpoint, listener, route, secret } = this.#subscriptions;
    this.#subscribeToNames();
    this.#received.reopened([
      ...(this.#ads.listeners ? (["listener"] as const) : []),
      ...(route.names.length > 0 ? (["route"] as const) : []),
    ]);
    if (secret.names.length > 0) this.#send("secret", secret.connect());
    if (this.#ads.clusters) this.#send("cluster", cluster.connect());
    if (endpoint.names.length > 0) this.#send("endpoint", endpoint.connect());
    if (this.#ads.listeners) this.#send("listener", listener.connect());
    if (route.names.length > 0) this.#send("route", route.connect());
  }

  #subscribeToNames(): void {
    this.#subscriptions.endpoint.subscribe(this.#received.endpointNames);
    this.#subscriptions.route.subscribe(this.#received.routeNames);
    this.#subscriptions.secret.subscribe(this.#received.secretNames);
    this.#awaitSecrets();
  }

  /** What needs a secret that does not come goes to work without it, as in Envoy. */
  #awaitSecrets(): void {
    const { secretFetchMs = 0 } = this.#received;
    if (secretFetchMs === 0) {
      this.#secretFetch?.cancel();
      this.#secretFetch = undefined;
      return;
    }
    this.#secretFetch ??= this.#options.clock.after(secretFetchMs, () => {
      this.#secretFetch = undefined;
      this.#received.missSecrets();
      this.#emitWhenWhole();
    });
  }

  #send(type: ResourceType, request: SubscriptionRequest): void {
    const { versionInfo, responseNonce, resourceNames, error } = request;
    const message = create(DiscoveryRequestSchema, {
      typeUrl: CODECS[type].typeUrl,
      versionInfo,
      responseNonce,
      resourceNames: [...resourceNames],
    });
    if (!this.#nodeSent) message.node = encodeNode(this.#options.bootstrap.node);
    if (error !== undefined) message.errorDetail = rejectionOf(error);
    this.#nodeSent = true;
    this.#outbox.put(message);
  }

  // ── responses ──

  async #take(response: DiscoveryResponse): Promise<void> {
    this.#welcome();
    this.#backOff.reset();
    const type = RESOURCE_TYPES.find((one) => CODECS[one].typeUrl === response.typeUrl);
    if (type === undefined) return;
    await this.#takeTyped(type, response);
  }

  #welcome(): void {
    if (this.#connected || this.#connection === undefined) return;
    this.#notice("control plane connected");
    this.#connected = true;
    this.#options.onConnected?.(this.#connection.transport);
  }

  async #takeTyped<T extends ResourceType>(type: T, response: DiscoveryResponse): Promise<void> {
    const { models, problems } = await this.#decoder.decode(type, response.resources);
    if (this.#stopped) return;
    const subscription = this.#subscriptions[type];
    const ownPort = ownPortOf(this.#options.bootstrap);
    const reasons = (
      problems.length > 0
        ? problems.map(formatProblem).join("\n")
        : whyUnusable(type, models, ownPort)
    ).slice(0, REJECTION_CHARS_MAX);
    if (reasons !== "") {
      this.#rejections.set(type, reasons);
      if (type === "secret") this.#options.onSecretsRefused?.(models.keys(), reasons);
      this.#notice(`refused ${type}s of version ${response.versionInfo}: ${reasons}`);
      this.#send(type, subscription.reject(response.nonce, reasons));
      return;
    }
    this.#rejections.delete(type);
    this.#answered.add(type);
    this.#received.apply(type, models);
    this.#send(type, subscription.accept(response.versionInfo, response.nonce));
    this.#askForNames();
    this.#emitWhenWhole();
  }

  #askForNames(): void {
    const { endpoint, route, secret } = this.#subscriptions;
    const secrets = secret.subscribe(this.#received.secretNames);
    if (secrets !== undefined) this.#send("secret", secrets);
    this.#awaitSecrets();
    const endpoints = endpoint.subscribe(this.#received.endpointNames);
    if (endpoints !== undefined) this.#send("endpoint", endpoints);
    const routes = route.subscribe(this.#received.routeNames);
    if (routes !== undefined) this.#send("route", routes);
  }

  // ── generations ──

  /** The first generation waits until everything announced is there; later ones need not. */
  #emitWhenWhole(): void {
    const announced =
      (!this.#ads.clusters || this.#answered.has("cluster")) &&
      (!this.#ads.listeners || this.#answered.has("listener"));
    if (this.#started || (announced && this.#received.warm)) this.#emit();
  }

  #emit(): void {
    this.#firstFetch?.cancel();
    this.#started = true;
    this.#generation += 1;
    this.#options.onConfig(this.#received.config());
  }

  #notice(text: string): void {
    this.#options.onNotice?.(text);
  }
}

/** google.rpc.Status, code INVALID_ARGUMENT. */
function rejectionOf(message: string): NonNullable<DiscoveryRequest["errorDetail"]> {
  const status = create(DiscoveryRequestSchema, { errorDetail: { code: 3, message } }).errorDetail;
  if (status === undefined) throw new Error("a message that was set is not there");
  return status;
}
