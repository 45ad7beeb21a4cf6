import { describe, expect, it } from "vitest";
import { socketAddress } from "../model/address.ts";
import { readBootstrap } from "../proxy/bootstrap.ts";
import { type SidecarIdentity, sidecarBootstrap } from "./bootstrap.ts";

const SIDECAR: SidecarIdentity = {
  pod: "reviews-v1-abc",
  namespace: "shop",
  address: "10.200.0.2",
  labels: { app: "reviews", version: "v1" },
  serviceAccount: "reviews",
  workload: "reviews-v1",
  mode: "intercept",
  ads: socketAddress("10.200.0.1", 15_010),
};

describe("a sidecar's bootstrap", () => {
  it("is one that the proxy reads without a remark", () => {
    const { bootstrap, diagnostics } = readBootstrap(sidecarBootstrap(SIDECAR), "bootstrap.yaml");
    expect(diagnostics).toEqual([]);
    expect(bootstrap?.node.id).toBe(
      "sidecar~10.200.0.2~reviews-v1-abc.shop~shop.svc.cluster.local",
    );
    expect(bootstrap?.admin).toEqual(socketAddress("127.0.0.1", 15_000));
    expect(bootstrap?.ads).toMatchObject({ listeners: true, clusters: true });
    expect(bootstrap?.pod).toEqual({
      metrics: [socketAddress("10.200.0.2", 15_020), socketAddress("10.200.0.2", 15_090)],
      health: socketAddress("10.200.0.2", 15_021),
    });
  });

  it("says where the app's metrics are, as the sidecar sees the app", () => {
    const appMetrics = { port: 9102, path: "/metrics?all=1" };
    const readPage = (sidecar: SidecarIdentity): unknown =>
      readBootstrap(sidecarBootstrap(sidecar), "bootstrap.yaml").bootstrap?.pod?.appMetrics;
    expect(readPage({ ...SIDECAR, appMetrics })).toEqual({ host: "127.0.0.1", ...appMetrics });
    const explicit = { ...SIDECAR, mode: "explicit", address: "127.9.0.2", appMetrics } as const;
    expect(readPage(explicit)).toEqual({ host: "127.9.0.2", ...appMetrics });
    expect(readPage(SIDECAR)).toBe(undefined);
  });

  it("names explicit mode, and keeps off the localhost that pods share", () => {
    const text = sidecarBootstrap({ ...SIDECAR, mode: "explicit", address: "127.9.0.2" });
    const { bootstrap } = readBootstrap(text, "bootstrap.yaml");
    expect(bootstrap?.node.metadata.INTERCEPTION_MODE).toBe("NONE");
    expect(bootstrap?.admin).toEqual(socketAddress("127.9.0.2", 15_000));
  });
});
