import type { Permission } from "../../../../model/filter/rbac.ts";
import type { OperationMatch } from "../../../../model/policy/access-policy.ts";
import type { HeaderMatch, StringMatch } from "../../../../model/route.ts";
import { type Clause, clause } from "./clause.ts";
import { literal, regexMatch, textMatch } from "./text-match.ts";

/** What a `to` asks for. `widens`: the rule leads to a refusal. */
export function operationClauses(
  operation: OperationMatch,
  widens: boolean,
): readonly Clause<Permission>[] {
  const { hosts, notHosts, methods, notMethods, paths, notPaths, ports, notPorts } = operation;
  const { pathRegexes = [], headerRegexes = [] } = operation;
  const allowedHost = hostPermission;
  const refusedHost = anyPortPermission;
  return [
    clause<Permission, string>(
      { field: "hosts", httpOnly: true },
      hosts,
      notHosts,
      widens ? refusedHost : allowedHost,
      widens ? allowedHost : refusedHost,
    ),
    clause<Permission, string>(
      { field: "methods", httpOnly: true },
      methods,
      notMethods,
      (method) => header(":method", method === "*" ? undefined : textMatch(method)),
    ),
    clause<Permission, Permission>(
      { field: "paths", httpOnly: true },
      [...paths.map(pathPermission), ...pathRegexes.map(pathRegexPermission)],
      notPaths.map(pathPermission),
      (path) => path,
    ),
    ...headerRegexes.map(({ name, regex }) =>
      clause<Permission, string>(
        { field: `headers[${name}]`, httpOnly: true },
        [regex],
        [],
        (value) => header(name, regexMatch(value)),
      ),
    ),
    portClause("ports", ports, notPorts),
  ];
}

export function portClause(
  field: string,
  ports: readonly number[],
  notPorts: readonly number[],
): Clause<Permission> {
  return clause<Permission, number>({ field, httpOnly: false }, ports, notPorts, (port) => ({
    kind: "destinationPort",
    port,
  }));
}

/** Whatever the case. A lone `*` asks for any Host at all. */
function hostPermission(host: string): Permission {
  const value = host === "*" ? undefined : { ...textMatch(host), ignoreCase: true };
  return header(":authority", value);
}

/**
 * Where a host leads to a refusal, no spelling of it gets around: with any port and with the dot
 * at the end of a name, too. Istio refuses the one spelling only.
 */
function anyPortPermission(host: string): Permission {
  if (host.endsWith("*") || /:\d+$/.test(host)) return hostPermission(host);
  const name = host.startsWith("*") ? `.*${literal(host.slice(1))}` : literal(host);
  return header(":authority", regexMatch(`(?i)${name}\\.?(:[0-9]*)?`));
}

/** `{*}` is one segment, `{**}` any number: Envoy's URI templates, without Istio's braces. */
function pathPermission(path: string): Permission {
  if (path.includes("{*}") || path.includes("{**}")) {
    const template = path.replaceAll("{**}", "**").replaceAll("{*}", "*");
    return { kind: "uriTemplate", template };
  }
  return { kind: "urlPath", match: textMatch(path) };
}

function pathRegexPermission(regex: string): Permission {
  return { kind: "urlPath", match: regexMatch(regex) };
}

function header(name: string, value: StringMatch | undefined): Permission {
  return { kind: "header", match: headerMatch(name, value) };
}

export function headerMatch(name: string, value: StringMatch | undefined): HeaderMatch {
  return { name: name.toLowerCase(), value, invert: false, missingAsEmpty: false };
}
