import type { Pod } from "../../../model/mesh.ts";
import { podsOf } from "../../../model/precedence/endpoints.ts";
import { compareText } from "../../../model/precedence/host.ts";
import { outboundClusterName, serviceForms } from "../names.ts";
import type { ServiceAt } from "../service-view.ts";
import type { Outlook } from "./outlook.ts";

/** A pod of a headless service, which clients may address by a name of its own. */
export interface NamedPod {
  readonly pod: Pod;
  /** `db-0.db.default.svc.cluster.local`, and its shorter forms. */
  readonly domains: readonly string[];
  /** Has this pod alone. */
  readonly cluster: string;
}

/**
 * The pods that a StatefulSet's clients choose by name. None where connections are redirected:
 * there the name leads to the pod's address, and that is where the connection goes.
 */
export function namedPods(outlook: Outlook, at: ServiceAt): readonly NamedPod[] {
  const { client, mesh, pods } = outlook;
  const { service, port } = at;
  if (client.explicitAddress === undefined || !service.headless) return [];
  const forms = serviceForms(service, client.namespace, mesh.settings.clusterDomain);
  return podsOf(service, pods)
    .toSorted((left, right) => compareText(left.name, right.name))
    .map((pod) => ({
      pod,
      domains: forms.map((form) => `${pod.name}.${form}`),
      cluster: outboundClusterName(port.port, "", `${pod.name}.${service.host}`),
    }));
}
