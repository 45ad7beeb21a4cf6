import type { Address } from "../../../model/address.ts";
import { socketAddress } from "../../../model/address.ts";
import type { Cluster } from "../../../model/cluster.ts";
import type { PolicyBlocks } from "../../../model/destination-policy.ts";
import type { Pod } from "../../../model/mesh.ts";
import { clusterDefaults, passthroughCluster, withPolicy } from "../clusters.ts";
import { loadAssignment } from "../endpoints.ts";
import { INBOUND_PASSTHROUGH_CLUSTER, inboundClusterName } from "../names.ts";
import { inboundProtocol } from "../upstream-protocol.ts";
import type { InboundPort } from "./ports.ts";

/**
 * The sidecar's address towards its own pod: the interception rules let it pass untouched, so
 * that the connection does not come back to the sidecar.
 */
const TO_OWN_POD = socketAddress("127.0.0.6", 0);

/** For pods whose traffic is redirected: the app is where the connection was addressed to. */
export function interceptedCluster(inbound: InboundPort, blocks: PolicyBlocks): Cluster {
  return {
    ...withPolicy(passthroughCluster(inboundClusterName(inbound.port)), blocks),
    ...appProtocol(inbound, blocks),
    bindAddress: TO_OWN_POD,
    ...described(inbound),
  };
}

export function inboundPassthroughCluster(): Cluster {
  return { ...passthroughCluster(INBOUND_PASSTHROUGH_CLUSTER), bindAddress: TO_OWN_POD };
}

/** Explicit mode: the app listens behind its sidecar, on a Unix socket or on localhost. */
export function explicitCluster(pod: Pod, inbound: InboundPort, blocks: PolicyBlocks): Cluster {
  const name = inboundClusterName(inbound.port);
  const endpoint = {
    address: appAddress(pod, inbound.port),
    hostname: "",
    hashKey: "",
    health: "healthy",
    weight: 1,
    workload: undefined,
  } as const;
  return {
    ...withPolicy(clusterDefaults(name), blocks),
    ...appProtocol(inbound, blocks),
    loadAssignment: loadAssignment(name, [endpoint]),
    ...described(inbound),
  };
}

/** A port that only a container declares is spoken to as its clients speak. */
function appProtocol({ servicePort }: InboundPort, { connectionPool }: PolicyBlocks) {
  return inboundProtocol(servicePort?.protocol ?? "auto", connectionPool);
}

function appAddress(pod: Pod, port: number): Address {
  const where = pod.appSockets?.[port];
  if (where === undefined) return socketAddress("127.0.0.1", port);
  if (where.startsWith("/")) return { kind: "pipe", path: where };
  const colon = where.lastIndexOf(":");
  return socketAddress(where.slice(0, colon), Number(where.slice(colon + 1)));
}

function described({ service }: InboundPort): Pick<Cluster, "origin" | "service"> {
  if (service === undefined) return { origin: undefined, service: undefined };
  const { host, name, namespace, origin } = service;
  return { origin, service: { host, name, namespace } };
}
