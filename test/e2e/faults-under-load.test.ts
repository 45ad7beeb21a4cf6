/**
 * Origins that fail under load. Where retries are configured, what may be repeated does not fail;
 * what may not be is executed at most once, and fails only where an origin had it.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AdsScene, snapshotOf } from "../support/ads-scene.ts";
import { AllLoads, freePorts, resourcesOf } from "../support/all-loads.ts";
import { Ledger } from "../support/ledger/ledger.ts";
import type { FailureMode } from "../support/ledger/origin/failure.ts";
import { LedgerOrigin } from "../support/ledger/origin/origin.ts";
import type { Protocol } from "../support/ledger/request.ts";
import { expectNoneFailed, type Verdict } from "../support/ledger/verdict.ts";
import type { ProxyKind } from "../support/proxy-program.ts";
import { describeWith } from "../support/tools.ts";

const PROTOCOLS: readonly Protocol[] = ["http1", "http2", "grpc"];

const HOSTS = {
  num_retries: 5,
  retry_host_predicate: [{ name: "envoy.retry_host_predicates.previous_hosts" }],
  host_selection_retry_max_attempts: 5,
};
const RETRIES = { ...HOSTS, retry_on: "5xx,reset,connect-failure,refused-stream,unavailable" };
/** Nothing that an origin may have executed. */
const RETRIES_OF_POSTS = { ...HOSTS, retry_on: "connect-failure,refused-stream" };
const LIMITS = { circuit_breakers: { thresholds: [{ max_retries: 1000 }] } };

let ledger: Ledger;
let origins: LedgerOrigin[];
let scene: AdsScene | undefined;

beforeEach(async () => {
  ledger = new Ledger();
  const names = ["one", "two", "three"];
  origins = await Promise.all(names.map((name) => LedgerOrigin.start({ ledger, name })));
});

afterEach(async () => {
  await scene?.stop();
  scene = undefined;
  for (const origin of origins) await origin.stop();
});

async function startLoads(kind: ProxyKind): Promise<AllLoads> {
  const ports = await freePorts();
  const retries = { retries: RETRIES, retriesOfPosts: RETRIES_OF_POSTS, cluster: LIMITS };
  const variant = { name: "web", origins, otherRoutes: 0, serverName: "s", ...retries };
  const { listeners, clusters } = resourcesOf(variant, ports);
  scene = await AdsScene.start(kind, snapshotOf("1", listeners, clusters));
  return AllLoads.start(ports, PROTOCOLS);
}

function expectOnlyCutOff(verdict: Verdict): void {
  if (verdict.failed !== verdict.outcomes.truncated) expectNoneFailed(verdict);
}

/** Before any of the answer has come, an attempt may be followed by another. */
const BEFORE: readonly { readonly mode: FailureMode; readonly executed: boolean }[] = [
  { mode: "resetBeforeReply", executed: true },
  { mode: "closeBeforeReply", executed: true },
  { mode: "unavailable", executed: true },
  { mode: "refuse", executed: false },
  { mode: "closeAfterReply", executed: false },
  { mode: "sayClose", executed: false },
];
/** After that, the client must see that the answer is not whole. */
const AMID: readonly FailureMode[] = ["resetMidReply", "closeMidReply"];

function testsOf(kind: ProxyKind): void {
  it.each(BEFORE)("GETs do not fail by $mode, POSTs run at most once", async (failure) => {
    const { mode, executed } = failure;
    const loads = await startLoads(kind);
    await loads.more(5);
    origins[1]?.fail([{ mode, every: 3 }]);
    await loads.more(40);
    origins[1]?.fail([]);
    await loads.more(5);
    const { gets, posts } = await loads.stopByMethod(ledger, { getsMayRepeat: true });
    // The end of an HTTP/2 connection cuts other answers off that had begun.
    if (mode === "closeBeforeReply") expectOnlyCutOff(gets);
    else expectNoneFailed(gets);
    // The failures were there: what had been executed was so again elsewhere.
    if (executed) expect(gets.repeated).toBeGreaterThan(10);
    expect(posts).toMatchObject({ executedTwice: 0, lost: 0, wrongRequestBody: 0 });
  });

  it.each(AMID)("an answer that breaks off by %s is never taken for whole", async (mode) => {
    const loads = await startLoads(kind);
    await loads.more(5);
    origins[1]?.fail([{ mode, every: 3 }]);
    await loads.more(40);
    const { gets, posts } = await loads.stopByMethod(ledger, { getsMayRepeat: true });
    for (const verdict of [gets, posts]) {
      const { outcomes, sent } = verdict;
      expect(verdict).toMatchObject({ executedTwice: 0, lost: 0, wrongRequestBody: 0 });
      expect(outcomes.wrongBody + outcomes.timeout).toBe(0);
      // Two origins of three are well, and so are two answers of three of the other.
      expect(outcomes.ok).toBeGreaterThan(sent / 2);
      expect(outcomes.ok).toBeLessThan(sent);
    }
  });

  it("an origin that is killed and comes back fails nothing but what it had", async () => {
    const loads = await startLoads(kind);
    for (const origin of origins) {
      await loads.more(5);
      await origin.kill();
      await loads.more(20);
      await origin.revive();
    }
    await loads.more(5);
    const { gets, posts } = await loads.stopByMethod(ledger, { getsMayRepeat: true });
    expectOnlyCutOff(gets);
    expect(posts).toMatchObject({ executedTwice: 0, lost: 0, wrongRequestBody: 0 });
    for (const { name } of origins) expect(ledger.executedBy(name)).toBeGreaterThan(20);
  });
}

describe("outrigger before failing origins", () => testsOf("outrigger"));
describeWith(["envoy"], "Envoy before the same", () => testsOf("envoy"));
