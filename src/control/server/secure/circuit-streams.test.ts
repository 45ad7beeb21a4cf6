import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { expect, it, onTestFinished } from "vitest";
import { type AuthorityScene, authorityScene } from "../../../../test/support/authority-scene.ts";
import { edsCluster, oneClusterSnapshot } from "../../../../test/support/sample-snapshot.ts";
import {
  type CircuitOrder,
  type CircuitReport,
  CircuitReportSchema,
  CircuitService,
  CircuitState,
} from "../../../gen/outrigger/circuits/v1alpha1/circuits_pb.js";
import { formatAddress } from "../../../model/address.ts";
import { CIRCUIT_DEFAULTS } from "../../../model/resilience/circuit-bounds.ts";
import { encodeNode } from "../../../xds/message/node.ts";
import { Outbox } from "../../../xds/stream/outbox.ts";

const RATINGS = { namespace: "shop", serviceAccount: "ratings" };
const REVIEWS = { namespace: "shop", serviceAccount: "reviews" };
const KEY = { circuit: "shop/ratings", place: "ratings" };

async function scene(): Promise<AuthorityScene> {
  const made = await authorityScene();
  const circuit = { ...CIRCUIT_DEFAULTS, name: KEY.circuit, scope: "mesh" } as const;
  const snapshot = oneClusterSnapshot("1", 80, "ratings", [9001]);
  made.source.set({ ...snapshot, clusters: [{ ...edsCluster("ratings"), circuit }] });
  made.pods.set("shop/ratings-1", RATINGS);
  made.pods.set("shop/reviews-1", REVIEWS);
  return made;
}

/** A stream of circuits of whoever this is, who says to be that pod. */
class Stream {
  readonly #outbox = new Outbox<CircuitReport>();
  readonly #orders: AsyncIterator<CircuitOrder>;

  private constructor(
    orders: (reports: AsyncIterable<CircuitReport>) => AsyncIterable<CircuitOrder>,
  ) {
    this.#orders = orders(this.#outbox.drain())[Symbol.asyncIterator]();
    onTestFinished(async () => {
      this.#outbox.end();
      await this.end().catch(() => undefined);
    });
  }

  static async open(
    { ask, control }: AuthorityScene,
    who: typeof RATINGS | undefined,
    pod: string,
  ): Promise<Stream> {
    const { chain, key } = await ask({ token: control.joinToken(who ?? RATINGS) });
    const shown = who === undefined ? {} : { cert: chain[0] ?? "", key };
    const baseUrl = `https://${formatAddress(control.address)}`;
    const tls = { ca: control.bundle.roots, ...shown };
    const sessionManager = new Http2SessionManager(baseUrl, {}, tls);
    onTestFinished(() => sessionManager.abort());
    const transport = createGrpcTransport({ baseUrl, sessionManager });
    const client = createClient(CircuitService, transport);
    const stream = new Stream((reports) => client.streamCircuits(reports));
    const domain = `${pod.split(".")[1]}.svc.cluster.local`;
    const id = `sidecar~10.0.0.1~${pod}~${domain}`;
    const node = encodeNode({ id, cluster: "", metadata: {}, userAgentName: "outrigger" });
    stream.#outbox.put(create(CircuitReportSchema, { node }));
    return stream;
  }

  report(state: CircuitState): void {
    this.#outbox.put(create(CircuitReportSchema, { ...KEY, state }));
  }

  async next(): Promise<CircuitOrder> {
    return (await this.#orders.next()).value;
  }

  /** With what it ends. */
  async end(): Promise<Code> {
    try {
      while ((await this.#orders.next()).done !== true);
    } catch (error) {
      return ConnectError.from(error).code;
    }
    throw new Error("the stream ended well");
  }
}

it("circuits are told of to whoever shows a certificate of the mesh", async () => {
  const made = await scene();
  const ratings = await Stream.open(made, RATINGS, "ratings-1.shop");
  const reviews = await Stream.open(made, REVIEWS, "reviews-1.shop");
  ratings.report(CircuitState.OPEN);
  expect(await reviews.next()).toMatchObject({ ...KEY, state: CircuitState.OPEN });
});

it("circuits are not for strangers, nor for those who say to be others", async () => {
  const made = await scene();
  expect(await (await Stream.open(made, undefined, "ratings-1.shop")).end()).toBe(
    Code.Unauthenticated,
  );
  for (const pod of ["reviews-1.shop", "any-1.other"]) {
    expect(await (await Stream.open(made, RATINGS, pod)).end()).toBe(Code.PermissionDenied);
  }
  const reasons = made.audit
    .filter(({ event }) => event === "stream_refused")
    .map(({ reason }) => reason);
  expect(reasons).toEqual(["no_credentials", "not_allowed", "not_allowed"]);
});

it("whose pod has become another's is told of no circuit any more", async () => {
  const made = await scene();
  const ratings = await Stream.open(made, RATINGS, "ratings-1.shop");
  const reviews = await Stream.open(made, REVIEWS, "reviews-1.shop");
  ratings.report(CircuitState.OPEN);
  await reviews.next();
  made.pods.set("shop/reviews-1", RATINGS);
  ratings.report(CircuitState.CLOSED);
  expect(await reviews.end()).toBe(Code.PermissionDenied);
});

it("reports without end are too many", async () => {
  const made = await scene();
  const ratings = await Stream.open(made, RATINGS, "ratings-1.shop");
  for (let i = 0; i < 3000; i++) ratings.report(CircuitState.CLOSED);
  expect(await ratings.end()).toBe(Code.ResourceExhausted);
});

it("who is revoked is heard no more", async () => {
  const made = await scene();
  const ratings = await Stream.open(made, RATINGS, "ratings-1.shop");
  const reviews = await Stream.open(made, REVIEWS, "reviews-1.shop");
  ratings.report(CircuitState.OPEN);
  await reviews.next();
  made.control.revoke({ identity: RATINGS });
  await expect(ratings.end()).resolves.toBeDefined();
});
