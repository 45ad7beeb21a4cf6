import { fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ClusterSchema } from "../../src/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "../../src/gen/envoy/config/listener/v3/listener_pb.js";
import { socketAddress } from "../../src/model/address.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import type { Listener } from "../../src/model/listener.ts";
import type { DataSource } from "../../src/model/transport/tls.ts";
import { REGISTRY } from "../../src/xds/message/any.ts";
import { CODECS } from "../../src/xds/resource.ts";
import { clusterWith, listenerWith } from "../support/arbitrary-resources.ts";
import type { TlsFiles } from "../support/arbitrary-transport.ts";
import { TestAuthority } from "../support/certificates.ts";
import { validateWithEnvoy } from "../support/envoy-process.ts";
import { describeWith } from "../support/tools.ts";

const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const ads = { ads: {}, resource_api_version: "V3" };
const adsCluster = {
  name: "xds",
  typed_extension_protocol_options: {
    [OPTIONS]: {
      "@type": `type.googleapis.com/${OPTIONS}`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

function bootstrap(listeners: readonly JsonObject[], clusters: readonly JsonObject[]): string {
  const grpc = { envoy_grpc: { cluster_name: "xds" } };
  return JSON.stringify({
    node: { id: "n", cluster: "c" },
    dynamic_resources: {
      ads_config: { api_type: "GRPC", transport_api_version: "V3", grpc_services: [grpc] },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: { listeners, clusters: [adsCluster, ...clusters] },
  });
}

function clusterJson(model: Cluster): JsonObject {
  const message = fromBinary(ClusterSchema, CODECS.cluster.encode(model, "envoy"));
  return toJson(ClusterSchema, message, { registry: REGISTRY }) as JsonObject;
}

function listenerJson(model: Listener): JsonObject {
  const message = fromBinary(ListenerSchema, CODECS.listener.encode(model, "envoy"));
  return toJson(ListenerSchema, message, { registry: REGISTRY }) as JsonObject;
}

/** Envoy reads certificates, keys and bundles as it validates. */
async function realFiles(): Promise<TlsFiles> {
  const authority = await TestAuthority.create();
  const { chain, key } = await authority.issue();
  const certificate = { certificateChain: inline(chain), privateKey: inline(key) };
  return { certificates: [certificate], bundles: [inline(authority.pem)] };
}

function inline(text: string): DataSource {
  return { kind: "inline", text };
}

/** A sample that is the same on every run; names are made unique, as a bootstrap wants. */
function sample<T extends { readonly name: string }>(arbitrary: fc.Arbitrary<T>): T[] {
  return fc
    .sample(arbitrary, { seed: 7, numRuns: 60 })
    .map((one, index) => ({ ...one, name: `${one.name}-${index}` }));
}

describeWith(["envoy"], "envoy --mode validate", () => {
  it("accepts every cluster that we encode", async () => {
    const models = sample(clusterWith(await realFiles()));
    expect(await validateWithEnvoy(bootstrap([], models.map(clusterJson)))).toBeUndefined();
  });

  it("accepts every listener that we encode, routes included", async () => {
    // One chain each: what two chains may not have in common is not the encoder's to know.
    const models = sample(listenerWith(await realFiles())).map((one, index) => ({
      ...one,
      address: socketAddress("127.0.0.1", 20_000 + index),
      filterChains: one.filterChains.slice(0, 1),
    }));
    expect(await validateWithEnvoy(bootstrap(models.map(listenerJson), []))).toBeUndefined();
  });
});
