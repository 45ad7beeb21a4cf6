import { expect, it } from "vitest";
import { SeededRandom } from "../../base/random.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { compileRetry } from "./compiled-retry.ts";
import { HostChoice } from "./host-choice.ts";

it("a retry takes the only host again, however often its policy looks for another", () => {
  let picks = 0;
  const only = {} as Host;
  const pick = (): Host => {
    if (++picks > 10_000) throw new Error("it looks for ever");
    return only;
  };
  const cluster = { config: {}, choosesByHash: false, pick } as unknown as UpstreamCluster;
  const retry = compileRetry({
    retryOn: ["5xx"],
    retriableStatusCodes: [],
    retriableHeaders: [],
    numRetries: 1,
    perTryTimeoutMs: 0,
    backOffBaseMs: 25,
    backOffMaxMs: 250,
    avoidPreviousHosts: true,
    hostSelectionAttempts: Number(2n ** 63n - 1n),
  });
  const choice = new HostChoice(new SeededRandom(1));
  expect(choice.next(cluster, undefined, retry)).toBe(only);
  expect(choice.next(cluster, undefined, retry)).toBe(only);
});
