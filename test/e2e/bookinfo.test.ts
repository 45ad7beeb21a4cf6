import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { corpusFolder } from "../support/corpus.ts";
import { runUp, type UpResult } from "../support/running-up.ts";
import { describeWith } from "../support/tools.ts";

const COUNTER = fileURLToPath(new URL("../support/request-counter.ts", import.meta.url));
const TIMEOUT_MS = 60_000;
const REQUESTS = 1000;

type Counts = Readonly<Record<string, number>>;

const root = corpusFolder("istio/samples/bookinfo");

/** Istio's own YAML, unchanged. */
async function ask(
  mode: "intercept" | "explicit",
  files: readonly string[],
  command: readonly string[],
): Promise<UpResult & { readonly counts: Counts }> {
  const paths = ["platform/kube/bookinfo.yaml", ...files].map((file) => join(root ?? "", file));
  const counter = [process.execPath, COUNTER, ...command];
  const result = await runUp([...paths, "--mode", mode, "--", ...counter], TIMEOUT_MS);
  expect(result.status, result.stderr).toBe(0);
  return { ...result, counts: JSON.parse(result.stdout) as Counts };
}

const REVIEWS = "http://reviews:9080/reviews/1";
const SUBSETS = "networking/destination-rule-reviews.yaml";

describeWith(["root", "ip", "iptables"], "Istio's bookinfo", () => {
  describe.skipIf(root === undefined).each(["intercept", "explicit"] as const)(
    "in %s mode",
    (mode) => {
      it(
        "comes up and answers as every version of reviews",
        async () => {
          const { counts } = await ask(mode, [], [REVIEWS, "60"]);
          expect(Object.keys(counts).sort()).toEqual([
            "reviews v1 200",
            "reviews v2 200",
            "reviews v3 200",
          ]);
        },
        TIMEOUT_MS,
      );

      it(
        "divides reviews by 90 and 10",
        async () => {
          const split = [SUBSETS, "networking/virtual-service-reviews-90-10.yaml"];
          const { counts } = await ask(mode, split, [REVIEWS, String(REQUESTS)]);
          const share = (version: string) => (counts[`reviews ${version} 200`] ?? 0) / REQUESTS;
          expect(share("v1") + share("v2")).toBe(1);
          expect(share("v1")).toBeGreaterThan(0.87);
          expect(share("v1")).toBeLessThan(0.93);
        },
        TIMEOUT_MS,
      );

      it(
        "sends jason to v2, everybody else to v1",
        async () => {
          const test = [SUBSETS, "networking/virtual-service-reviews-test-v2.yaml"];
          const jason = await ask(mode, test, [REVIEWS, "20", "end-user", "jason"]);
          expect(jason.counts).toEqual({ "reviews v2 200": 20 });
        },
        TIMEOUT_MS,
      );
    },
  );
});
