/** Who gets configuration on the control plane's TLS port: attacks of row 107. */
import { status } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import type { WorkloadIdentity } from "../../../src/identity/workload-identity.ts";
import { type AuthorityScene, authorityScene } from "../../support/authority-scene.ts";
import { oneClusterSnapshot } from "../../support/sample-snapshot.ts";
import { HostileProxy, type Shown } from "./hostile-proxy.ts";

const CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const REVIEWS = { namespace: "shop", serviceAccount: "reviews" };
const RATINGS = { namespace: "shop", serviceAccount: "ratings" };
const BANK = { namespace: "bank", serviceAccount: "vault" };

/** A mesh with three pods. */
async function mesh(): Promise<AuthorityScene> {
  const scene = await authorityScene();
  scene.source.set(oneClusterSnapshot("1", 80, "a", [9001]));
  scene.pods.set("shop/reviews-1", REVIEWS);
  scene.pods.set("shop/ratings-1", RATINGS);
  scene.pods.set("bank/vault-1", BANK);
  return scene;
}

function open(scene: AuthorityScene, shown: Shown): HostileProxy {
  const one = HostileProxy.openSecure(scene.control.address.port, shown);
  onTestFinished(() => one.leave());
  return one;
}

/** A stream with a certificate of this identity. */
async function streamOf(
  scene: AuthorityScene,
  identity: WorkloadIdentity,
  validitySeconds = 0,
): Promise<HostileProxy> {
  const token = scene.control.joinToken(identity);
  const { chain, key } = await scene.ask({ token, validitySeconds });
  return open(scene, {
    roots: scene.control.bundle.roots,
    certificate: { chain: chain[0] ?? "", key },
  });
}

function nodeOf(namespace: string, pod: string): string {
  return `sidecar~10.0.0.1~${pod}.${namespace}~${namespace}.svc.cluster.local`;
}

describe("a stream", () => {
  it("without a certificate ends before anything is told", async () => {
    const scene = await mesh();
    const one = open(scene, { roots: scene.control.bundle.roots });
    one.ask({ typeUrl: CLUSTER, node: nodeOf("shop", "reviews-1") });
    expect(await one.end()).toBe(status.UNAUTHENTICATED);
    expect(one.responses).toEqual([]);
    expect(scene.audit.at(-1)).toMatchObject({
      event: "stream_refused",
      reason: "no_credentials",
    });
  });

  it("of a pod is served with its own certificate", async () => {
    const scene = await mesh();
    const one = await streamOf(scene, REVIEWS);
    one.ask({ typeUrl: CLUSTER, node: nodeOf("shop", "reviews-1") });
    expect(await one.sees(1)).toBe(true);
    expect(one.responses).toHaveLength(1);
  });

  it("of a pod that nobody knows is served as one of its own namespace", async () => {
    const scene = await mesh();
    const one = await streamOf(scene, REVIEWS);
    one.ask({ typeUrl: CLUSTER, node: nodeOf("shop", "new-pod") });
    expect(await one.sees(1)).toBe(true);
    expect(one.responses).toHaveLength(1);
  });

  it.each([
    ["another namespace's pod", { node: nodeOf("bank", "vault-1") }],
    ["another account's pod of the namespace", { node: nodeOf("shop", "ratings-1") }],
    ["a pod that nobody knows in another namespace", { node: nodeOf("bank", "new-pod") }],
    [
      "another's pod by its metadata",
      { node: nodeOf("shop", "reviews-1"), metadata: { NAME: "vault-1", NAMESPACE: "bank" } },
    ],
    [
      "another's pod by its id, with metadata of its own",
      { node: nodeOf("bank", "vault-1"), metadata: { NAME: "reviews-1", NAMESPACE: "shop" } },
    ],
    [
      "another's pod by name alone",
      { node: nodeOf("shop", "reviews-1"), metadata: { NAME: "ratings-1" } },
    ],
    ["an id of no form, which is the default namespace's", { node: "reviews-1" }],
  ])("that claims to be %s is refused", async (_what, claim) => {
    const scene = await mesh();
    const one = await streamOf(scene, REVIEWS);
    one.ask({ typeUrl: CLUSTER, ...claim });
    expect(await one.end()).toBe(status.PERMISSION_DENIED);
    expect(one.responses).toEqual([]);
    expect(scene.audit.at(-1)).toMatchObject({
      event: "stream_refused",
      reason: "not_allowed",
      identity: "spiffe://cluster.local/ns/shop/sa/reviews",
      node: claim.node,
    });
  });

  it("ends at the next change when its pod turns out to be somebody else's", async () => {
    const scene = await mesh();
    const one = await streamOf(scene, REVIEWS);
    one.ask({ typeUrl: CLUSTER, node: nodeOf("shop", "later") });
    expect(await one.sees(1)).toBe(true);
    scene.pods.set("shop/later", RATINGS);
    scene.source.set(oneClusterSnapshot("2", 80, "b", [9002]));
    expect(await one.end()).toBe(status.PERMISSION_DENIED);
    expect(one.responses).toHaveLength(1);
  });

  it("ends when its certificate runs out", async () => {
    const scene = await mesh();
    const one = await streamOf(scene, REVIEWS, 60);
    one.ask({ typeUrl: CLUSTER, node: nodeOf("shop", "reviews-1") });
    expect(await one.sees(1)).toBe(true);
    scene.clock.advance(61_000);
    expect(await one.end()).toBe(status.UNAUTHENTICATED);
  });

  it("ends with its connection when its certificate is revoked", async () => {
    const scene = await mesh();
    const one = await streamOf(scene, REVIEWS);
    const other = await streamOf(scene, RATINGS);
    one.ask({ typeUrl: CLUSTER, node: nodeOf("shop", "reviews-1") });
    other.ask({ typeUrl: CLUSTER, node: nodeOf("shop", "ratings-1") });
    expect(await one.sees(1)).toBe(true);
    expect(await other.sees(1)).toBe(true);
    scene.control.revoke({ identity: REVIEWS });
    expect(await one.end()).not.toBe(-1);
    expect(other.ended).toBeUndefined();
  });

  it("that asks for everybody's secrets gets none", async () => {
    const scene = await mesh();
    const one = await streamOf(scene, REVIEWS);
    const node = nodeOf("shop", "reviews-1");
    for (const names of [["*"], [], ["default"], ["kubernetes://bank-key"]]) {
      one.ask({ typeUrl: SECRET, names, node });
    }
    one.ask({ typeUrl: CLUSTER, node });
    expect(await one.sees(1)).toBe(true);
    expect(one.responses.flatMap(({ typeUrl, resources }) => [typeUrl, resources.length])).toEqual([
      CLUSTER,
      1,
    ]);
  });

  it("with 3000 requests at once is ended, and others are served", async () => {
    const scene = await mesh();
    const one = await streamOf(scene, REVIEWS);
    const node = nodeOf("shop", "reviews-1");
    for (let i = 0; i < 3000; i++) one.ask({ typeUrl: `evil.Type${i}`, node });
    expect(await one.end()).toBe(status.RESOURCE_EXHAUSTED);
    const other = await streamOf(scene, RATINGS);
    other.ask({ typeUrl: CLUSTER, node: nodeOf("shop", "ratings-1") });
    expect(await other.sees(1)).toBe(true);
  });
});
