import type { Diagnostic } from "../base/diagnostic.ts";
import type { DestinationPolicy } from "./destination-policy.ts";
import { type Labels, type Mesh, matchesLabels, type PodTemplate, type Service } from "./mesh.ts";
import { type Origin, subjectOf } from "./origin.ts";
import { podsOf, targetPortOf } from "./precedence/endpoints.ts";
import { byAge } from "./precedence/host.ts";
import { isEmptyTraffic } from "./precedence/policy.ts";

type Described = Pick<
  Mesh,
  "services" | "podTemplates" | "serviceAccounts" | "destinationPolicies" | "routes"
>;

/**
 * What only shows when services, pods and policies are seen together. All of it is legal, and a
 * cluster would take it without a word; so these are warnings.
 */
export function validateMesh(mesh: Described): Diagnostic[] {
  return [
    ...mesh.services.flatMap((service) => serviceFindings(service, mesh.podTemplates)),
    ...mesh.podTemplates.flatMap((template) => protocolFindings(template, mesh.services)),
    ...mesh.podTemplates.flatMap((template) => accountFindings(template, mesh)),
    ...policyFindings(mesh.destinationPolicies),
    ...headlessFindings(mesh),
  ];
}

/** A service whose requests reach nobody. */
function serviceFindings(service: Service, templates: readonly PodTemplate[]): Diagnostic[] {
  const { selector, origin, endpoints } = service;
  if (selector === undefined || endpoints.length > 0) return [];
  const pods = podsOf(service, templates);
  if (pods.length > 0) return service.ports.flatMap((port) => portFindings(service, port, pods));
  return [
    warning("IST0127", origin, {
      message: `No pods carry the labels of ${service.name}, so its requests get 503`,
      path: "spec.selector",
      found: showLabels(selector),
      hint: nearMiss(service, selector, templates),
    }),
  ];
}

/** Pods elsewhere, or ones that miss a single label: what the author most likely meant. */
function nearMiss(
  { namespace }: Service,
  selector: Labels,
  templates: readonly PodTemplate[],
): string | undefined {
  const elsewhere = templates.find((template) => matchesLabels(template.labels, selector));
  if (elsewhere !== undefined) {
    return `pods of ${subjectOf(elsewhere.origin)} do; a Service selects in ${namespace} alone`;
  }
  const labels = Object.entries(selector);
  const close = templates.find((template) => {
    const held = labels.filter(([key, value]) => template.labels[key] === value);
    return template.namespace === namespace && held.length > 0;
  });
  if (close === undefined) return undefined;
  return `pods of ${subjectOf(close.origin)} carry ${showLabels(close.labels)}`;
}

function portFindings(
  service: Service,
  port: Service["ports"][number],
  pods: readonly PodTemplate[],
): Diagnostic[] {
  const declared = pods.flatMap((pod) => pod.containers.flatMap((container) => container.ports));
  const found = pods.some((pod) => {
    const target = targetPortOf(pod, port);
    const ports = pod.containers.flatMap((container) => container.ports);
    return target !== undefined && ports.some((candidate) => candidate.port === target);
  });
  // Without any declaration a pod may well listen: declaring ports is documentation in Kubernetes.
  if (found || (declared.length === 0 && typeof port.targetPort === "number")) return [];
  const shown = declared.map(({ name, port: number }) => `${number} ${name}`.trim());
  return [
    warning("KIA0701", service.origin, {
      message: `No container of its pods declares the target of port ${port.port}`,
      path: "spec.ports",
      found: `targetPort ${port.targetPort}`,
      allowed: [...new Set(shown)].join(", ") || "no container declares a port",
    }),
  ];
}

/** One port of a pod cannot speak two protocols: IST0116. */
function protocolFindings(template: PodTemplate, services: readonly Service[]): Diagnostic[] {
  const spoken = new Map<number, Map<string, string>>();
  for (const service of services) {
    if (podsOf(service, [template]).length === 0) continue;
    for (const port of service.ports) {
      const target = targetPortOf(template, port);
      if (target === undefined || port.protocol === "udp") continue;
      const names = spoken.get(target) ?? new Map<string, string>();
      spoken.set(target, names.set(port.protocol, service.name));
    }
  }
  return [...spoken.entries()]
    .filter(([, names]) => names.size > 1)
    .map(([port, names]) =>
      warning("IST0116", template.origin, {
        message: `Services disagree about what port ${port} of these pods speaks`,
        found: [...names].map(([protocol, name]) => `${name}: ${protocol}`).join(", "),
        allowed: "one protocol a port",
      }),
    );
}

function accountFindings(template: PodTemplate, mesh: Described): Diagnostic[] {
  const { serviceAccount, namespace, origin } = template;
  const known = mesh.serviceAccounts.some(
    (account) => account.name === serviceAccount && account.namespace === namespace,
  );
  if (known || serviceAccount === "default") return [];
  return [
    warning("OUT0302", origin, {
      message: "The pods' ServiceAccount is not there; a cluster would not start them",
      path: "spec.template.spec.serviceAccountName",
      found: serviceAccount,
      hint: `add a ServiceAccount ${serviceAccount} in namespace ${namespace}`,
    }),
  ];
}

/**
 * A headless service is reached at the address that the client chose, which is none of its pods
 * where the client meant another service: such a share gets 503.
 */
function headlessFindings({ routes, services }: Described): Diagnostic[] {
  const headless = new Set(services.flatMap((each) => (each.headless ? [each.host] : [])));
  return routes.flatMap((set) =>
    set.rules.flatMap(({ action }) => {
      const backends = action.kind === "split" ? [...action.backends, ...action.mirrors] : [];
      return backends
        .filter(({ host }) => headless.has(host) && !set.hosts.includes(host))
        .map(({ host, origin }) =>
          warning("OUT0304", origin, {
            message: "A headless Service has no address to send another host's requests to",
            found: host,
            hint: "name a Service with a cluster IP that selects the same pods",
          }),
        );
    }),
  );
}

/** What is lost where several policies of one namespace speak of one host: KIA0201. */
function policyFindings(policies: readonly DestinationPolicy[]): Diagnostic[] {
  const groups = Map.groupBy(policies, ({ namespace, host, selector }) =>
    JSON.stringify([namespace, host, Object.entries(selector ?? {}).sort()]),
  );
  return [...groups.values()].flatMap((group) => lossesOf(group.toSorted(byAge)));
}

function lossesOf(policies: readonly DestinationPolicy[]): Diagnostic[] {
  const owner = policies.find((policy) => !isEmptyTraffic(policy.traffic));
  const subsets = new Map<string, DestinationPolicy>();
  const losses: Diagnostic[] = [];
  for (const policy of policies) {
    if (owner !== undefined && policy !== owner && !isEmptyTraffic(policy.traffic)) {
      losses.push(loss(policy.origin, `The traffic policy of ${placeOf(owner)} holds`));
    }
    for (const subset of policy.subsets) {
      const other = subsets.get(subset.name);
      if (other === undefined) subsets.set(subset.name, policy);
      else if (other !== policy) {
        losses.push(loss(subset.origin, `Subset ${subset.name} of ${placeOf(other)} holds`));
      }
    }
  }
  return losses;
}

function loss(origin: Origin, what: string): Diagnostic {
  return warning("KIA0201", origin, {
    message: `${what} for this host, so this one does not`,
    hint: "write one DestinationRule a host",
  });
}

function placeOf({ origin }: DestinationPolicy): string {
  const { file, line } = origin.position;
  return `${subjectOf(origin)} (${file}:${line})`;
}

function warning(code: string, origin: Origin, finding: Partial<Diagnostic>): Diagnostic {
  const { position, path } = origin;
  const place = { position, subject: subjectOf(origin), path: path === "" ? undefined : path };
  return { ...place, message: "", ...finding, code, severity: "warning" };
}

function showLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
