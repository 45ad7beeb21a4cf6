import type { Any } from "@bufbuild/protobuf/wkt";
import type { Node } from "../../model/bootstrap.ts";
import { type EncodeFor, encodeFor } from "../../xds/message/flavor.ts";
import { isWholeState, RESOURCE_TYPES, type ResourceType } from "../../xds/order.ts";
import { ServerSubscription, type SubscriptionRequest } from "../../xds/stream/subscription.ts";
import type { EncodedResource, EncodedSnapshot, ResourceCache } from "./resource-cache.ts";
import type { Snapshot } from "./snapshot-source.ts";

/** One response, ready to be sent. */
export interface AdsPush {
  readonly type: ResourceType;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Any[];
}

/** What one proxy was told about one type of resource, and what it answered. */
export interface AdsTypeStatus {
  readonly type: ResourceType;
  /** The version sent last; empty for none. */
  readonly sent: string;
  /** The version acknowledged last; empty for none. */
  readonly acknowledged: string;
  /** Why it refused what was sent last; empty where it did not. */
  readonly rejection: string;
}

interface TypeState {
  readonly subscription: ServerSubscription;
  sent: string;
  acknowledged: string;
}

/**
 * One proxy's stream without its socket: requests go in, pushes come out, in the order that
 * breaks nothing. A change is told as
 *
 *   secrets → clusters (old ones kept) → endpoints → listeners → routes → clusters (old ones gone)
 *
 * and listeners and routes, which lean on clusters, wait until those and their endpoints are
 * acknowledged. Nobody waits for secrets: who is told of a cluster or listener asks for those that
 * it names, and does not use it before.
 */
export class AdsStream {
  readonly node: Node;
  readonly #cache: ResourceCache;
  readonly #target: EncodeFor;
  readonly #types: Readonly<Record<ResourceType, TypeState>>;
  #snapshot: Snapshot | undefined;
  #encoded: EncodedSnapshot | undefined;
  #sentClusters: ReadonlyMap<string, EncodedResource> = new Map();
  /** What the proxy runs; a refused push changes nothing of it. */
  #acceptedClusters: ReadonlyMap<string, EncodedResource> = new Map();
  /** Accepted clusters that are gone from the snapshot, until nothing sends to them any more. */
  #retained: ReadonlyMap<string, EncodedResource> = new Map();

  constructor(node: Node, cache: ResourceCache) {
    this.node = node;
    this.#cache = cache;
    this.#target = encodeFor(node);
    this.#types = {
      cluster: newState("cluster"),
      endpoint: newState("endpoint"),
      listener: newState("listener"),
      route: newState("route"),
      secret: newState("secret"),
    };
  }

  /** Takes a request in. Call `pump` afterwards. */
  receive(type: ResourceType, request: SubscriptionRequest): void {
    const state = this.#types[type];
    const verdict = state.subscription.receive(type === "secret" ? byName(request) : request);
    if (verdict !== "ack") return;
    state.acknowledged = state.sent;
    if (type === "cluster") this.#acceptedClusters = this.#sentClusters;
  }

  /** Takes a new snapshot; what was not sent of the last one never will be (coalescing). */
  update(snapshot: Snapshot): void {
    if (snapshot === this.#snapshot) return;
    const encoded = this.#cache.encode(snapshot, this.#target);
    this.#retain(encoded);
    this.#snapshot = snapshot;
    this.#encoded = encoded;
  }

  #retain(next: EncodedSnapshot): void {
    const { resources } = next.cluster;
    this.#retained = new Map([...this.#acceptedClusters].filter(([name]) => !resources.has(name)));
  }

  /** Everything that may be sent now. */
  pump(): AdsPush[] {
    const pushes: AdsPush[] = [];
    this.#pushInto(pushes, "secret");
    this.#pushInto(pushes, "cluster");
    // Not held back: Envoy acknowledges a new cluster only once it has its endpoints.
    this.#pushInto(pushes, "endpoint");
    if (this.#isAwaited("cluster") || this.#isAwaited("endpoint")) return pushes;
    if (this.#isRefused("cluster", "endpoint")) return pushes;
    this.#pushInto(pushes, "listener");
    this.#pushInto(pushes, "route");
    if (this.#isAwaited("listener") || this.#isAwaited("route")) return pushes;
    // Who refused the new routes still sends by the old ones.
    if (this.#isRefused("listener", "route") || this.#retained.size === 0) return pushes;
    this.#retained = new Map();
    this.#pushInto(pushes, "cluster");
    return pushes;
  }

  get wanted(): string {
    return this.#snapshot?.version ?? "";
  }

  /** True where everything there is has been sent and acknowledged. */
  get synced(): boolean {
    if (this.#encoded === undefined || this.#retained.size > 0) return false;
    return RESOURCE_TYPES.every(
      (type) => !this.#isAwaited(type) && this.#types[type].subscription.rejection === undefined,
    );
  }

  status(): AdsTypeStatus[] {
    return RESOURCE_TYPES.filter((type) => this.#types[type].subscription.active).map((type) => {
      const { sent, acknowledged, subscription } = this.#types[type];
      return { type, sent, acknowledged, rejection: subscription.rejection ?? "" };
    });
  }

  #pushInto(pushes: AdsPush[], type: ResourceType): void {
    const available = this.#available(type);
    if (available === undefined) return;
    const state = this.#types[type];
    const push = state.subscription.next(versionsOf(available));
    if (push === undefined) return;
    state.sent = this.wanted;
    if (type === "cluster") {
      this.#sentClusters = available;
      this.#forgetEndpointsOf(push.changed);
    }
    const resources = push.names.flatMap((name) => available.get(name)?.any ?? []);
    pushes.push({ type, version: state.sent, nonce: push.nonce, resources });
  }

  #available(type: ResourceType): ReadonlyMap<string, EncodedResource> | undefined {
    const set = this.#encoded?.[type].resources;
    if (set === undefined || type !== "cluster" || this.#retained.size === 0) return set;
    return new Map([...set, ...this.#retained]);
  }

  /**
   * Envoy warms a changed cluster until its endpoints come, changed or not ("Resource warming"
   * in the xDS protocol's documentation): they are sent again.
   */
  #forgetEndpointsOf(clusters: readonly string[]): void {
    const changed = new Set(clusters);
    const names = (this.#snapshot?.clusters ?? [])
      .filter((cluster) => cluster.discovery === "eds" && changed.has(cluster.name))
      .map((cluster) => cluster.edsServiceName || cluster.name);
    this.#types.endpoint.subscription.forget(names);
  }

  /** An answer, or the request that must come, is still to arrive. */
  #isAwaited(type: ResourceType): boolean {
    if (this.#types[type].subscription.outstanding) return true;
    return type === "endpoint" && this.#awaitsEndpointRequest();
  }

  #isRefused(...types: readonly ResourceType[]): boolean {
    return types.some((type) => this.#types[type].subscription.rejection !== undefined);
  }

  /** A client that takes all clusters will ask for their endpoints next; routes wait for that. */
  #awaitsEndpointRequest(): boolean {
    if (!this.#types.cluster.subscription.wildcard) return false;
    const { subscription } = this.#types.endpoint;
    return (this.#snapshot?.clusters ?? []).some(
      (cluster) =>
        cluster.discovery === "eds" && !subscription.wants(cluster.edsServiceName || cluster.name),
    );
  }
}

/** Nobody gets all secrets that there are: they are asked for one by one. */
function byName(request: SubscriptionRequest): SubscriptionRequest {
  return { ...request, resourceNames: request.resourceNames.filter((name) => name !== "*") };
}

function newState(type: ResourceType): TypeState {
  const subscription = new ServerSubscription(isWholeState(type));
  return { subscription, sent: "", acknowledged: "" };
}

function versionsOf(resources: ReadonlyMap<string, EncodedResource>): Map<string, string> {
  const versions = new Map<string, string>();
  for (const [name, { version }] of resources) versions.set(name, version);
  return versions;
}
