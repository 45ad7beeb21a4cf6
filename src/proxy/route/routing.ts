// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
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

  reset(): void {
    this.route = undefined;
    this.forward = undefined;
    this.target = undefined;
    this.cluster = undefined;
  }

  /** Gives the answer to a request that no route forwards. */
  find(request: RequestHead, hcm: CompiledHcm): LocalReply | undefined {
    hcm.account.http.count("rq_total");
    const route = hcm.routes.table?.find(request);
    if (route === undefined) return replies.NO_ROUTE;
    this.route = route;
    const { action } = route;
    if (request.method === "CONNECT" && !allowsConnect(action, hcm)) return replies.CONNECT_REFUSED;
    if (action.kind !== "forward") {
      hcm.account.http.count("rq_direct_response");
      return replies.routeReply(action, request);
    }
    this.forward = action;
    return undefined;
  }

  /** Chooses the cluster; gives the answer where there is none. */
  draw(hcm: CompiledHcm, random: Random): LocalReply | undefined {
    const forward = this.forward as CompiledForward;
    const draw = forward.targets.length === 1 ? 0 : random.below(forward.weight);
    const target = targetOf(forward, draw);
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
