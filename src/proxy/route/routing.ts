// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import { readyTarget } from "../accrual/ready-target.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { CompiledHcm } from "../compile/compiled-hcm.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import * as replies from "../reply/replies.ts";
import {
  type CompiledAction,
  type CompiledForward,
  type CompiledRoute,
  type Target,
  targetOf,
} from "./compiled-route.ts";
import { rewriteRedirected } from "./redirect.ts";
import type { RequestHead } from "./request-head.ts";

/** The connection manager allows CONNECT for all routes, or this one ends it. */
function allowsConnect(action: CompiledAction, { allowedUpgrades }: CompiledHcm): boolean {
  if (action.kind === "forward" && action.terminatesConnect) return true;
  return allowedUpgrades.has("connect");
}

/** Where a request goes: its route, and the cluster drawn from the route's split. */
export class Routing {
  route: CompiledRoute | undefined;
  forward: CompiledForward | undefined;
  target: Target | undefined;
  cluster: UpstreamCluster | undefined;
  /** What `settle` will choose by; below 0: it draws itself. */
  #drawn = -1;

  reset(): void {
    this.route = undefined;
    this.forward = undefined;
    this.target = undefined;
    this.cluster = undefined;
  }

  /** Another configuration may have come: takes the cluster as it is now. False: it is gone. */
  renew(): boolean {
    const slot = this.target?.slot;
    if (slot === undefined || slot.name !== this.cluster?.name) return true;
    if (slot.cluster === undefined) return false;
    this.cluster = slot.cluster;
    return true;
  }

  find(request: RequestHead, hcm: CompiledHcm): void {
    this.#drawn = -1;
    this.route = hcm.routes.table?.find(request);
  }

  /** The cluster that `settle` will choose, by name; empty where it chooses none. */
  expectedCluster(random: Random): string {
    const action = this.route?.action;
    if (action?.kind !== "forward") return "";
    this.#drawn = this.#draw(action, random);
    return targetOf(action, this.#drawn)?.slot.name ?? "";
  }

  /** Chooses the cluster; gives the answer where the request goes to none. */
  settle(request: RequestHead, hcm: CompiledHcm, random: Random): LocalReply | undefined {
    hcm.account.http.count("rq_total");
    const { route } = this;
    if (route === undefined) return replies.NO_ROUTE;
    const { action } = route;
    if (request.method === "CONNECT" && !allowsConnect(action, hcm)) return replies.CONNECT_REFUSED;
    if (action.kind !== "forward") {
      hcm.account.http.count("rq_direct_response");
      if (action.kind === "redirect") rewriteRedirected(action, request);
      return replies.routeReply(action, request);
    }
    this.forward = action;
    return this.#choose(action, hcm, random);
  }

  #draw({ targets, weight }: CompiledForward, random: Random): number {
    if (targets.length === 1) return 0;
    return this.#drawn < 0 ? random.below(weight) : this.#drawn;
  }

  #choose(forward: CompiledForward, hcm: CompiledHcm, random: Random): LocalReply | undefined {
    const drawn = targetOf(forward, this.#draw(forward, random));
    const judged = drawn?.slot.cluster?.waiting !== undefined;
    const target = judged ? readyTarget(forward, drawn, random) : drawn;
    const cluster = target?.slot.cluster;
    if (target === undefined || cluster === undefined) {
      hcm.account.http.count("no_cluster");
      return replies.CLUSTER_REPLIES[forward.clusterNotFoundStatus] as LocalReply;
    }
    this.target = target;
    this.cluster = cluster;
    return undefined;
  }
}
