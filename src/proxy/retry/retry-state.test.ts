import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import type { ResponseMessage } from "../../codec/http/message.ts";
import { Registry } from "../../metrics/registry.ts";
import { ENVOY_THRESHOLDS } from "../../model/cluster.ts";
import type { RetryPolicy } from "../../model/route.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { LocalLimits } from "../limits/limits.ts";
import { RequestHead } from "../route/request-head.ts";
import type { ClusterStat } from "../telemetry/envoy/cluster-columns.ts";
import { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import { clusterTables } from "../telemetry/envoy/cluster-tables.ts";
import { compileRetry } from "./compiled-retry.ts";
import { RetryState } from "./retry-state.ts";

const POLICY: RetryPolicy = {
  retryOn: ["5xx"],
  retriableStatusCodes: [],
  retriableHeaders: [],
  numRetries: 3,
  perTryTimeoutMs: 0,
  backOffBaseMs: 100,
  backOffMaxMs: 250,
  avoidPreviousHosts: false,
  hostSelectionAttempts: 1,
};

/** Always the longest of what is allowed. */
const LONGEST: Random = { next: () => 0.999, below: (bound) => bound - 1 };

type Fields = Readonly<Record<string, string>>;

function tableOf(fields: Fields): HeaderTable {
  const table = new HeaderTable();
  for (const [name, value] of Object.entries(fields)) table.addName(name, value);
  return table;
}

function answer(status: number, fields: Fields = {}): ResponseMessage {
  return { status, headers: tableOf(fields), body: "none" } as ResponseMessage;
}

interface Scene {
  readonly state: RetryState;
  readonly clock: VirtualClock;
  readonly limits: LocalLimits;
  readonly headers: HeaderTable;
  count(stat: ClusterStat): number;
}

function scene(
  policy: Partial<RetryPolicy> | undefined,
  fields: Fields = {},
  thresholds: Partial<typeof ENVOY_THRESHOLDS> = {},
): Scene {
  const stats = new ClusterStats("a", clusterTables(new Registry()));
  const clock = new VirtualClock();
  const config = { thresholds: { ...ENVOY_THRESHOLDS, ...thresholds } };
  const limits = new LocalLimits(config.thresholds);
  const state = new RetryState(clock, LONGEST);
  const headers = tableOf(fields);
  const cluster = { stats, limits, config, context: { clock } } as unknown as UpstreamCluster;
  const compiled = policy && compileRetry({ ...POLICY, ...policy });
  state.begin(compiled, cluster, new RequestHead(headers));
  return { state, clock, limits, headers, count: (stat) => stats.value(stat) };
}

describe("back-off", () => {
  it("doubles up to its longest, and any part of it is waited", () => {
    const { state } = scene({});
    const waits = [0, 1, 2].map(() => {
      expect(state.onResponse(answer(500))).toBe("retry");
      return state.nextDelayMs();
    });
    expect(waits).toEqual([99, 199, 249]);
  });

  const reset = (name: string, format: "seconds" | "unixTimestamp") => ({
    resetHeaders: [{ name, format }],
    maxIntervalMs: 10_000,
  });

  it.each([
    { says: "4", waits: 4000 + 1999 },
    { says: " +4 ", waits: 4000 + 1999 },
    { says: "0", waits: 99 },
    { says: "11", waits: 99 },
    { says: "-4", waits: 99 },
    { says: "4.5", waits: 99 },
    { says: "99999999999999999999999", waits: 99 },
  ])("is what an answer with Retry-After: $says asks for", ({ says, waits }) => {
    const { state, count } = scene({ rateLimitedBackOff: reset("retry-after", "seconds") });
    state.onResponse(answer(503, { "retry-after": says }));
    expect(state.nextDelayMs()).toBe(waits);
    state.countRetry();
    const limited = waits === 99 ? 0 : 1;
    expect(count("upstream_rq_retry_backoff_ratelimited")).toBe(limited);
    expect(count("upstream_rq_retry_backoff_exponential")).toBe(1 - limited);
  });

  it("lasts until the time that an answer names, and is forgotten with the next answer", () => {
    const { clock, state } = scene({ rateLimitedBackOff: reset("x-reset", "unixTimestamp") });
    const at = Math.floor(clock.wall() / 1000);
    state.onResponse(answer(503, { "x-reset": String(at + 2) }));
    expect(state.nextDelayMs()).toBe(2000 + 999);
    state.onResponse(answer(503, { "x-reset": String(at - 2) }));
    expect(state.nextDelayMs()).toBe(99);
  });

  it("is not changed by the 425 of a try that another has joined", () => {
    const { state } = scene({
      retryOn: ["reset", "retriable-status-codes"],
      retriableStatusCodes: [425],
    });
    expect(state.wantsResponse(answer(425))).toBe(true);
    expect(state.onReset("remote reset", true)).toBe("retry");
    expect(state.nextDelayMs()).toBeGreaterThan(0);
  });

  it("is none after 425, unless the request was early itself", () => {
    const policy = { retryOn: ["retriable-status-codes"], retriableStatusCodes: [425] };
    const { count, state } = scene(policy);
    expect(state.onResponse(answer(425))).toBe("retry");
    expect(state.nextDelayMs()).toBe(0);
    state.countRetry();
    expect(count("upstream_rq_retry")).toBe(1);
    expect(count("upstream_rq_retry_backoff_exponential")).toBe(0);
    const limited = scene({ ...policy, retryOn: [...policy.retryOn, "envoy-ratelimited"] }).state;
    expect(limited.onResponse(answer(425, { "x-envoy-ratelimited": "true" }))).toBe("retry");
    expect(limited.nextDelayMs()).toBeGreaterThan(0);
    expect(scene(policy, { "early-data": "1" }).state.onResponse(answer(425))).toBe("no");
  });
});

describe("what a retry holds", () => {
  it("is given back when its answer comes, and it succeeded where nothing is tried again", () => {
    const { count, limits, state } = scene({}, {}, { maxRetries: 1 });
    expect(state.onResponse(answer(500))).toBe("retry");
    expect(limits.remainingRetries).toBe(0);
    expect(state.onResponse(answer(404))).toBe("no");
    expect(limits.remainingRetries).toBe(1);
    expect(count("upstream_rq_retry_success")).toBe(1);
  });

  it("is given back where the request cannot be sent again", () => {
    const { count, limits, state } = scene({}, {}, { maxRetries: 1 });
    state.onResponse(answer(500));
    state.giveUp();
    expect(limits.remainingRetries).toBe(1);
    expect(state.enabled).toBe(false);
    expect(count("retry_or_shadow_abandoned")).toBe(1);
  });

  it("is refused at the limit", () => {
    const { count, state } = scene({}, {}, { maxRetries: 0 });
    expect(state.onReset("remote reset", true)).toBe("overflow");
    expect(count("upstream_rq_retry_overflow")).toBe(1);
    expect(count("upstream_rq_retry")).toBe(0);
  });
});

describe("a reset", () => {
  it.each([
    { on: "connect-failure", reason: "connection timeout", started: false, wanted: true },
    { on: "connect-failure", reason: "remote connection failure", started: false, wanted: true },
    { on: "connect-failure", reason: "connection termination", started: true, wanted: false },
    { on: "reset-before-request", reason: "connection timeout", started: false, wanted: true },
    { on: "reset-before-request", reason: "connection termination", started: true, wanted: false },
    { on: "refused-stream", reason: "remote refused stream reset", started: true, wanted: true },
    { on: "refused-stream", reason: "remote reset", started: true, wanted: false },
    { on: "reset", reason: "remote reset", started: true, wanted: true },
    { on: "gateway-error", reason: "connection termination", started: true, wanted: true },
    { on: "5xx", reason: "overflow", started: false, wanted: false },
    { on: "retriable-4xx", reason: "remote reset", started: true, wanted: false },
  ] as const)("$reason on $on: $wanted", ({ on, reason, started, wanted }) => {
    const { state } = scene({ retryOn: [on] });
    expect(state.onReset(reason, started)).toBe(wanted ? "retry" : "no");
  });

  it("is never before the request once some attempt has sent it", () => {
    const { state } = scene({ retryOn: ["reset-before-request", "refused-stream"] });
    expect(state.onReset("remote refused stream reset", true)).toBe("retry");
    expect(state.onReset("connection timeout", false)).toBe("no");
  });
});

describe("a request that asks itself", () => {
  it("is retried without a policy, and its headers go no further", () => {
    const asks = { "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "2", "x-a": "b" };
    const { headers, state } = scene(undefined, asks);
    expect(headers.write()).toBe("x-a: b\r\n");
    const verdicts = [0, 1, 2].map(() => state.onResponse(answer(500)));
    expect(verdicts).toEqual(["retry", "retry", "limited"]);
  });

  it("names no conditions, and is not retried", () => {
    const { headers, state } = scene(undefined, { "x-envoy-max-retries": "9" });
    expect(headers.write()).toBe("");
    expect(state.enabled).toBe(false);
  });

  it("adds to the policy, whose request headers hold for both", () => {
    const match = { name: "x-again", value: undefined, invert: false, missingAsEmpty: false };
    const policy = { retriableRequestHeaders: [match] };
    const asks = { "x-envoy-retry-on": "retriable-4xx" };
    expect(scene(policy, asks).state.onResponse(answer(409))).toBe("no");
    const both = scene(policy, { ...asks, "x-again": "" }).state;
    expect(both.onResponse(answer(409))).toBe("retry");
    expect(both.onResponse(answer(500))).toBe("retry");
  });

  it("is heard to its 64th status alone", () => {
    const codes = Array.from({ length: 70 }, (_, i) => 500 + i);
    const { state } = scene(undefined, {
      "x-envoy-retry-on": "retriable-status-codes",
      "x-envoy-retriable-status-codes": codes.join(","),
      "x-envoy-max-retries": "9",
    });
    expect(state.onResponse(answer(563))).toBe("retry");
    expect(state.onResponse(answer(564))).toBe("no");
  });
});
