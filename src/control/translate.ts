import type { Dialect, DialectContext, OpaqueHost, Translation } from "../dialects/dialect.ts";
import { gatewayApi } from "../dialects/gateway-api/gateway-api.ts";
import { istio } from "../dialects/istio/istio.ts";
import { readMeshSettings } from "../dialects/istio/mesh-config.ts";
import { opaquePort } from "../dialects/kubernetes/annotations/opaque-ports.ts";
import type { KubernetesObject } from "../dialects/kubernetes/object.ts";
import { readObjects, type SourceFile } from "../dialects/kubernetes/read.ts";
import {
  isKubernetesObject,
  translateKubernetes,
  unknownKind,
} from "../dialects/kubernetes/translate.ts";
import { linkerd } from "../dialects/linkerd/linkerd.ts";
import { outrigger } from "../dialects/outrigger/outrigger.ts";
import { smi } from "../dialects/smi/smi.ts";
import type { Mesh, MeshSettings, Service } from "../model/mesh.ts";
import { joinSecurity } from "../model/policy/security.ts";

/** In no particular order: none of them depends on another. */
const DIALECTS: readonly Dialect[] = [istio, gatewayApi, smi, linkerd, outrigger];

/**
 * Every file through every dialect into one mesh, with all findings at once. Kubernetes comes
 * first: the dialects speak about its services. Pure; a mesh with errors is made too, and whether
 * it may be used is the caller's to decide.
 */
export function translate(files: readonly SourceFile[], wanted: Partial<MeshSettings> = {}): Mesh {
  const { objects, diagnostics } = readObjects(files);
  const meshConfig = readMeshSettings(objects);
  const settings = { ...meshConfig.settings, ...wanted };
  const spoken = DIALECTS.map((dialect) => objects.filter((object) => dialect.speaks(object)));
  const rest = withoutAll(objects, spoken.flat());
  const kubernetes = translateKubernetes(rest.filter(isKubernetesObject), settings);
  const context: DialectContext = { settings, services: kubernetes.services };
  const translations = DIALECTS.map((dialect, index) =>
    dialect.translate(spoken[index] ?? [], context),
  );
  const gather = <T>(of: (translation: Translation) => readonly T[]) => translations.flatMap(of);
  return {
    settings,
    services: [
      ...withOpaquePorts(
        kubernetes.services,
        gather(({ opaquePorts }) => opaquePorts ?? []),
      ),
      ...gather(({ services }) => services),
    ],
    podTemplates: kubernetes.podTemplates,
    serviceAccounts: kubernetes.serviceAccounts,
    namespaces: kubernetes.namespaces,
    credentials: kubernetes.credentials,
    routes: gather(({ routes }) => routes),
    connectionRoutes: gather(({ connectionRoutes }) => connectionRoutes),
    destinationPolicies: gather(({ destinationPolicies }) => destinationPolicies),
    egressPolicies: gather(({ egressPolicies }) => egressPolicies),
    circuitBreakers: gather(({ circuitBreakers }) => circuitBreakers ?? []),
    security: joinSecurity(translations.map(({ security }) => security)),
    diagnostics: [
      ...diagnostics,
      ...meshConfig.diagnostics,
      ...kubernetes.diagnostics,
      ...gather((translation) => translation.diagnostics),
      ...rest.filter((object) => !isKubernetesObject(object)).map(unknownKind),
    ],
  };
}

/** Services as dialects say of their ports, beside their own annotations. */
function withOpaquePorts(
  services: readonly Service[],
  opaque: readonly OpaqueHost[],
): readonly Service[] {
  if (opaque.length === 0) return services;
  const byHost = Map.groupBy(opaque, ({ host }) => host);
  return services.map((service) => {
    const ranges = (byHost.get(service.host) ?? []).flatMap((one) => one.ranges);
    const ports = service.ports.map((port) => opaquePort(port, { ranges, faults: [] }));
    return ranges.length === 0 ? service : { ...service, ports };
  });
}

function withoutAll(
  objects: readonly KubernetesObject[],
  others: readonly KubernetesObject[],
): readonly KubernetesObject[] {
  const known = new Set(others);
  return objects.filter((object) => !known.has(object));
}
