/**
 * What a hostile client or endpoint can do without an identity, done to a proxy that runs as a
 * process of its own. The attackers share no code with it: they write bytes.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Arena } from "./arena/arena.ts";
import { ATTACKS } from "./attack-list.ts";

const MIB = 1024 * 1024;
/** The bound of Envoy's threat model: more than this is amplification. */
const AMPLIFICATION_MAX = 100;
/** What a run's own noise may cost, on a machine that has much else to do. */
const CPU_SLACK_MS = 150;
const RSS_SLACK = 32 * MIB;
const RSS_GROWTH_MAX = 96 * MIB;

let arena: Arena;

beforeAll(async () => {
  arena = await Arena.open();
});

afterAll(() => arena?.close());

describe.each(ATTACKS)("$room", ({ attacks }) => {
  it.each(attacks)("$name: $verdict", async ({ begins, fills, forwarded = 0, run, verdict }) => {
    const toll = await arena.endure(run);
    const reached = [...toll.forwarded, ...(begins === true ? [] : toll.begun)];
    expect(toll.verdict).toMatch(typeof verdict === "string" ? exactly(verdict) : verdict);
    expect(reached.length, reached.slice(0, 10).join()).toBeLessThanOrEqual(forwarded);
    expect(toll.good.failures).toEqual([]);
    expect(toll.left).toEqual([]);
    expect(toll.cpuMs).toBeLessThan(AMPLIFICATION_MAX * toll.plainMs + CPU_SLACK_MS);
    expect(toll.rssGrowth).toBeLessThan(RSS_GROWTH_MAX);
    const buffers = fills === true ? toll.spent.connections * MIB : 0;
    const slack = RSS_SLACK + buffers;
    expect(toll.rssGrowth).toBeLessThan(AMPLIFICATION_MAX * toll.spent.bytes + slack);
  });
});

it("the proxy has made no mistake of its own", async () => {
  expect(arena.program.log()).not.toMatch(/Error|at .*\.ts:/);
});

function exactly(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}
