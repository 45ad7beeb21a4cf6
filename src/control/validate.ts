import type { Diagnostic } from "../base/diagnostic.ts";
import type { Backend, HttpRouteSet } from "../model/http-route-set.ts";
import type { Mesh, PortProtocol, Service } from "../model/mesh.ts";
import { matchesLabels } from "../model/mesh.ts";
import { type Origin, subjectOf } from "../model/origin.ts";

/**
 * What can only be found once everything is together: references from one object to another, and
 * what is carried otherwise than its author expects. None of it forbids the mesh to run.
 */
export function validate(mesh: Mesh): readonly Diagnostic[] {
  return [
    ...mesh.services.flatMap(portFindings),
    ...mesh.routes.flatMap((set) => backendFindings(set, mesh)),
  ];
}

const AS_TCP: ReadonlySet<PortProtocol> = new Set(["http2", "grpc"]);

function portFindings(service: Service): readonly Diagnostic[] {
  return service.ports
    .filter((port) => AS_TCP.has(port.protocol))
    .map((port) =>
      finding(
        "OUT0510",
        "info",
        `Port ${port.port} is declared as ${port.protocol}, and is carried as TCP`,
        service.origin,
        "its requests are balanced a connection, and no HTTP routes hold for it",
      ),
    );
}

function backendFindings(set: HttpRouteSet, mesh: Mesh): readonly Diagnostic[] {
  const backends = set.rules.flatMap(({ action }) =>
    action.kind === "split" ? action.backends : [],
  );
  return backends.flatMap((backend) => backendFinding(backend, mesh));
}

function backendFinding(backend: Backend, mesh: Mesh): readonly Diagnostic[] {
  if (backend.invalidStatus !== undefined) return [];
  const service = mesh.services.find((each) => each.host === backend.host);
  if (service === undefined) {
    return [missing(backend, `The host ${backend.host} is no service of the mesh`)];
  }
  const { port } = backend;
  if (port !== undefined && !service.ports.some((each) => each.port === port)) {
    return [missing(backend, `The service ${backend.host} has no port ${port}`)];
  }
  if (backend.subset !== "" && !hasSubset(backend, mesh)) {
    return [
      missing(backend, `No DestinationRule gives ${backend.host} a subset ${backend.subset}`),
    ];
  }
  return [];
}

function hasSubset({ host, subset }: Backend, mesh: Mesh): boolean {
  return mesh.destinationPolicies.some(
    (policy) => covers(policy.host, host) && policy.subsets.some(({ name }) => name === subset),
  );
}

function covers(pattern: string, host: string): boolean {
  return pattern === host || (pattern.startsWith("*") && host.endsWith(pattern.slice(1)));
}

/** Istio's IST0101: its requests get a 503, as in Istio. */
function missing(backend: Backend, message: string): Diagnostic {
  return finding("IST0101", "warning", message, backend.origin, "its requests are answered 503");
}

function finding(
  code: string,
  severity: Diagnostic["severity"],
  message: string,
  origin: Origin,
  hint: string,
): Diagnostic {
  const { position, path } = origin;
  const at = path === "" ? {} : { path };
  return { code, severity, message, position, subject: subjectOf(origin), ...at, hint };
}

/** Subsets whose labels no pod template carries are empty: every request to them fails. */
export function subsetFindings(mesh: Mesh): readonly Diagnostic[] {
  return mesh.destinationPolicies.flatMap((policy) => {
    const service = mesh.services.find(({ host }) => host === policy.host);
    const selector = service?.selector;
    if (service === undefined || selector === undefined) return [];
    const templates = mesh.podTemplates.filter(
      ({ namespace, labels }) => namespace === service.namespace && matchesLabels(labels, selector),
    );
    return policy.subsets
      .filter((subset) => !templates.some(({ labels }) => matchesLabels(labels, subset.labels)))
      .map((subset) =>
        finding(
          "KIA0203",
          "warning",
          `Subset ${subset.name} selects no pod of ${policy.host}`,
          subset.origin,
          "requests to it are answered 503; check the labels",
        ),
      );
  });
}
