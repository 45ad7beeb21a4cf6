import type { ProxyStatusRow, ResourceStatusRow } from "../../api/status.ts";
import type { ResourceType } from "../../xds/order.ts";
import { identityOf } from "../snapshot/proxy-identity.ts";
import type { AdsClientStatus } from "./ads-service.ts";

/** What operators call the discovery of each type. */
const DISCOVERY_NAMES: Readonly<Record<ResourceType, ResourceStatusRow["type"]>> = {
  cluster: "CDS",
  endpoint: "EDS",
  listener: "LDS",
  route: "RDS",
  secret: "SDS",
};

/** One row a connected proxy, in the order in which they came. */
export function statusRows(clients: readonly AdsClientStatus[]): readonly ProxyStatusRow[] {
  return clients.map(({ node, wanted, synced, types }) => {
    const { pod, namespace } = identityOf(node);
    return {
      nodeId: node.id,
      namespace,
      pod,
      program: node.userAgentName,
      wanted,
      synced,
      resources: types.map(({ type, ...told }) => ({ type: DISCOVERY_NAMES[type], ...told })),
    };
  });
}
