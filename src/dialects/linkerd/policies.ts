import type { Origin } from "../../model/origin.ts";
import {
  type AccessPolicy,
  type AccessRule,
  ANY_OPERATION,
  type Condition,
  type OperationMatch,
  type PolicyScope,
} from "../../model/policy/access-policy.ts";
import type { Authorization } from "./authorization-policy.ts";
import { defaultConditions } from "./default-policy.ts";
import type { InboundRoute } from "./http-route.ts";
import type { Server } from "./server.ts";

export interface ServerPolicies {
  readonly routes: readonly InboundRoute[];
  readonly authorizations: readonly Authorization[];
}

/**
 * A Server closes its port, and each authorization opens it for some: one policy for the Server
 * itself, and one for each object that lets somebody in. With routes, only what a route matches is
 * served (Linkerd: 404 for all else; here it is denied).
 */
export function policiesOfServers(
  servers: readonly Server[],
  policies: ServerPolicies,
): readonly AccessPolicy[] {
  return servers.flatMap((server) => {
    const routes = routesOf(server, policies.routes);
    const operations = routes.length === 0 ? [ANY_OPERATION] : operationsOf(routes);
    return [
      serverPolicy(server, operations),
      ...policies.authorizations.flatMap((authorization) => {
        const to = operationsAt(authorization, server, routes, operations);
        return to === undefined ? [] : authorizationPolicy(authorization, server, to);
      }),
    ];
  });
}

function routesOf(server: Server, routes: readonly InboundRoute[]): readonly InboundRoute[] {
  return routes.filter(
    (route) => route.namespace === server.namespace && route.servers.includes(server.name),
  );
}

function operationsOf(routes: readonly InboundRoute[]): readonly OperationMatch[] {
  return routes.flatMap((route) => route.operations);
}

function serverPolicy(server: Server, to: readonly OperationMatch[]): AccessPolicy {
  const { accessPolicy, origin } = server;
  return allow(server, rulesOf(defaultConditions(accessPolicy), to, origin), origin);
}

/** What it opens of the Server; undefined: nothing. */
function operationsAt(
  { target }: Authorization,
  server: Server,
  routes: readonly InboundRoute[],
  all: readonly OperationMatch[],
): readonly OperationMatch[] | undefined {
  if (target.kind === "servers") return target.servers.includes(server) ? all : undefined;
  const route = routes.find(
    ({ name, namespace }) => name === target.name && namespace === target.namespace,
  );
  return route?.operations;
}

function authorizationPolicy(
  { clients, origin }: Authorization,
  server: Server,
  to: readonly OperationMatch[],
): AccessPolicy {
  return allow(server, rulesOf(clients, to, origin), origin);
}

/** Routes may be about nothing: a rule without a `to` would be about everything. */
function rulesOf(
  clients: readonly (readonly Condition[])[],
  to: readonly OperationMatch[],
  origin: Origin,
): readonly AccessRule[] {
  if (to.length === 0) return [];
  const asked = to.includes(ANY_OPERATION) ? [] : to;
  return clients.map((when) => ({ from: [], to: asked, when: [...when], origin }));
}

function allow(server: Server, rules: readonly AccessRule[], origin: Origin): AccessPolicy {
  return {
    dialect: "linkerd",
    action: "allow",
    scope: scopeOf(server),
    rules,
    dryRun: server.accessPolicy === "audit",
    provider: "",
    origin,
  };
}

function scopeOf({ namespace, podLabels, port }: Server): PolicyScope {
  const ports = typeof port === "number" ? { ports: [port] } : { portNames: [port] };
  return { namespace, labels: podLabels, ...ports };
}
