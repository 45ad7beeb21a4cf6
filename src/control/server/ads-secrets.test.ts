import { create } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { AggregatedDiscoveryService } from "../../gen/envoy/service/discovery/v3/ads_pb.js";
import { DiscoveryRequestSchema } from "../../gen/envoy/service/discovery/v3/discovery_pb.js";
import type { Secret } from "../../model/transport/secret.ts";
import { NO_VALIDATION } from "../../model/transport/tls.ts";
import { CODECS } from "../../xds/resource.ts";
import { AdsService } from "./ads-service.ts";
import type { StreamGuard } from "./guarded-streams.ts";
import type { Snapshot } from "./snapshot-source.ts";

const SECRET: Secret = { kind: "validation", name: "kubernetes://a", validation: NO_VALIDATION };
const SNAPSHOT: Snapshot = {
  version: "1",
  ...{ listeners: [], routes: [], clusters: [], endpoints: [] },
  secrets: [SECRET],
};

/** How many secrets a proxy is told that asks for one by its name. */
async function toldBy(guard: StreamGuard | undefined): Promise<number> {
  const source = { snapshotFor: () => SNAPSHOT, onChange: () => () => undefined };
  const service = new AdsService({ source, clock: new VirtualClock() });
  const transport = createRouterTransport((router) => service.register(router, guard));
  const client = createClient(AggregatedDiscoveryService, transport);
  const { typeUrl } = CODECS.secret;
  async function* asking() {
    yield create(DiscoveryRequestSchema, {
      node: { id: "sidecar~10.0.0.1~a.b~b.svc.cluster.local", cluster: "a" },
      typeUrl,
      resourceNames: [SECRET.name],
    });
  }
  let told = 0;
  for await (const response of client.streamAggregatedResources(asking())) {
    if (response.typeUrl === typeUrl) told += response.resources.length;
  }
  return told;
}

const nothing = (): void => undefined;

it("tells secrets to a proxy that has shown who it is, and to no other", async () => {
  const knowing: StreamGuard = {
    admit: () => ({ known: true, request: nothing, check: nothing, leave: nothing }),
  };
  expect(await toldBy(knowing)).toBe(1);
  expect(await toldBy(undefined)).toBe(0);
});
