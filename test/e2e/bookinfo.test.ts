import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { corpusFolder } from "../support/corpus.ts";
import { type Counts, countAnswers } from "../support/counting.ts";
import { PLANES, startLoopbackMesh } from "../support/loopback-mesh.ts";
import { runUp } from "../support/running-up.ts";
import { describeWith } from "../support/tools.ts";

const COUNTER = fileURLToPath(new URL("../support/request-counter.ts", import.meta.url));
const TIMEOUT_MS = 60_000;
const REVIEWS = "http://reviews:9080/reviews/1";
const SUBSETS = "networking/destination-rule-reviews.yaml";

const root = corpusFolder("istio/samples/bookinfo");

interface Request {
  readonly count: number;
  readonly user?: string;
}

/** Istio's own YAML, unchanged; `policies` are added to the platform's. */
type Ask = (policies: readonly string[], request: Request) => Promise<Counts>;

function paths(policies: readonly string[]): string[] {
  return ["platform/kube/bookinfo.yaml", ...policies].map((file) => join(root ?? "", file));
}

function under(mode: "intercept" | "explicit"): Ask {
  return async (policies, { count, user }) => {
    const command = [process.execPath, COUNTER, REVIEWS, String(count)];
    const header = user === undefined ? [] : ["end-user", user];
    const arguments_ = [...paths(policies), "--mode", mode, "--", ...command, ...header];
    const { status, stdout, stderr } = await runUp(arguments_, TIMEOUT_MS);
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout) as Counts;
  };
}

function on(plane: (typeof PLANES)[number]): Ask {
  return async (policies, { count, user }) => {
    const mesh = await startLoopbackMesh(plane, paths(policies));
    try {
      const isSynced = (): boolean => mesh.control.status().some(({ synced }) => synced);
      await expect.poll(() => isSynced()).toBe(true);
      const headers = user === undefined ? {} : { "end-user": user };
      return await countAnswers({ url: REVIEWS, count, headers, proxy: mesh.proxy });
    } finally {
      await mesh.stop();
    }
  };
}

function itAnswers(ask: Ask): void {
  it.skipIf(root === undefined)(
    "answers as every version of reviews",
    async () => {
      const versions = Object.keys(await ask([], { count: 60 }));
      expect(versions.sort()).toEqual(["reviews v1 200", "reviews v2 200", "reviews v3 200"]);
    },
    TIMEOUT_MS,
  );

  it.skipIf(root === undefined)(
    "divides reviews by 90 and 10",
    async () => {
      const split = [SUBSETS, "networking/virtual-service-reviews-90-10.yaml"];
      const counts = await ask(split, { count: 1000 });
      const [v1 = 0, v2 = 0] = [counts["reviews v1 200"], counts["reviews v2 200"]];
      expect(v1 + v2).toBe(1000);
      expect(v1).toBeGreaterThan(860);
      expect(v1).toBeLessThan(940);
    },
    TIMEOUT_MS,
  );

  it.skipIf(root === undefined)(
    "sends jason to v2, everybody else to v1",
    async () => {
      const test = [SUBSETS, "networking/virtual-service-reviews-test-v2.yaml"];
      expect(await ask(test, { count: 20, user: "jason" })).toEqual({ "reviews v2 200": 20 });
      expect(await ask(test, { count: 20 })).toEqual({ "reviews v1 200": 20 });
    },
    TIMEOUT_MS,
  );
}

for (const plane of PLANES) {
  describeWith(plane.needs, `Istio's bookinfo on ${plane.name}`, () => itAnswers(on(plane)));
}

describeWith(["root", "ip", "iptables"], "Istio's bookinfo under up", () => {
  describe("with redirected connections", () => itAnswers(under("intercept")));
  describe("with an explicit proxy", () => itAnswers(under("explicit")));
});
