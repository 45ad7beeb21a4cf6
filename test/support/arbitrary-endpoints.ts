import fc from "fast-check";
import type { Address, SocketAddress } from "../../src/model/address.ts";
import type { ClusterLoadAssignment, Endpoint } from "../../src/model/endpoint.ts";
import { name, optional, port, text, upTo3 } from "./arbitrary-words.ts";

/** Any legal endpoints, for round trips. */

export const socketAddress: fc.Arbitrary<SocketAddress> = fc.record({
  kind: fc.constant("socket" as const),
  host: fc.constantFrom("127.0.0.1", "10.0.0.7", "::1"),
  port,
});

export const address: fc.Arbitrary<Address> = fc.oneof(
  socketAddress,
  fc.record({ kind: fc.constant("pipe" as const), path: fc.constantFrom("/run/a", "/run/b") }),
);

const workload = fc.record({
  workload: name,
  namespace: name,
  canonicalName: name,
  canonicalRevision: name,
  app: name,
  version: name,
  cluster: name,
  principal: text,
});

/** Metadata `envoy.transport_socket_match`; where there is none the field is left out. */
const socketLabels = fc.constantFrom(
  {},
  { transportSocketMatch: {} },
  { transportSocketMatch: { tlsMode: "istio" } },
);

const endpoint: fc.Arbitrary<Endpoint> = fc
  .record({
    address,
    hostname: text,
    hashKey: text,
    health: fc.constantFrom("healthy", "unhealthy", "degraded", "draining"),
    weight: fc.integer({ min: 1, max: 1_431_655_765 }),
    workload: optional(workload),
    labels: socketLabels,
    unreachable: fc.constantFrom({}, { unreachable: "PeerAuthentication a/b (c.yaml:1)" }),
  })
  .map(({ labels, unreachable, ...rest }) => ({ ...rest, ...labels, ...unreachable }));

export const loadAssignment: fc.Arbitrary<ClusterLoadAssignment> = fc.record({
  clusterName: name,
  overprovisioningFactor: fc.constantFrom(100, 140, 250),
  localities: fc.array(
    fc
      .record({
        locality: fc.record({ region: text, zone: text, subZone: text }),
        priority: fc.nat(3),
        weight: fc.constantFrom(0, 1, 70),
        endpoints: fc.array(endpoint, upTo3),
        labels: socketLabels,
      })
      .map(({ labels, ...rest }) => ({ ...rest, ...labels })),
    upTo3,
  ),
});
