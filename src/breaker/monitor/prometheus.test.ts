import { describe, expect, it } from "vitest";
import { parseExposition } from "../../../test/support/exposition.ts";
import { VirtualClock } from "../../base/clock.ts";
import { circuitBreaker } from "../circuit-breaker.ts";
import { prometheusText } from "./prometheus.ts";

const RATINGS = 'command_group="books",command_name="ratings"';

/** A command that took 20 ms to succeed, failed twice and was open for a while. */
async function used(clock: VirtualClock) {
  const replies = [() => "well", () => Promise.reject(new Error("down"))];
  const guarded = circuitBreaker(
    async (which: number) => {
      clock.advance(20);
      return await replies[which]?.();
    },
    {
      name: "ratings",
      group: "books",
      requestVolumeThreshold: 2,
      clock,
      fallback: () => "instead",
    },
  );
  await guarded(0);
  await guarded(1);
  await guarded(1);
  return guarded.breaker;
}

function sample(text: string, name: string, labels: string): number | undefined {
  const family = parseExposition(text).get(name.replace(/_count$/, ""));
  return family?.samples.get(`${name}{${labels}}`);
}

describe("prometheusText", () => {
  it("counts events under the names of Hystrix's dashboards, each terminal or not", async () => {
    const text = prometheusText([await used(new VirtualClock())]);
    const event = (name: string, terminal: boolean): number | undefined =>
      sample(
        text,
        "hystrix_command_event_total",
        `${RATINGS},event="${name}",terminal="${terminal}"`,
      );
    expect(event("success", true)).toBe(1);
    expect(event("failure", false)).toBe(1);
    expect(event("short_circuited", false)).toBe(1);
    expect(event("fallback_success", true)).toBe(2);
    expect(event("thread_pool_rejected", false)).toBe(0);
  });

  it("shows the circuit and when it changed, openings that are over included", async () => {
    const clock = new VirtualClock(1_700_000_000_000);
    const breaker = await used(clock);
    breaker.close();
    const text = prometheusText([breaker]);
    expect(sample(text, "hystrix_command_is_circuit_breaker_open", RATINGS)).toBe(0);
    expect(sample(text, "outrigger_breaker_state", RATINGS)).toBe(0);
    const changed = (to: string): number | undefined =>
      sample(text, "outrigger_breaker_transitions_total", `${RATINGS},to="${to}"`);
    expect([changed("closed"), changed("open"), changed("half_open")]).toEqual([1, 1, 0]);
    const at = (to: string): number | undefined =>
      sample(text, "outrigger_breaker_last_transition_timestamp_seconds", `${RATINGS},to="${to}"`);
    expect(at("open")).toBe(1_700_000_000.04);
    expect(at("half_open")).toBe(undefined);
  });

  it("has histograms in seconds, whose buckets add up", async () => {
    const options = { latencyBuckets: [0.01, 0.1] };
    const text = prometheusText([await used(new VirtualClock())], options);
    const name = "hystrix_command_latency_execute_seconds";
    expect(text.split("\n").filter((line) => line.startsWith(name))).toEqual([
      `${name}_bucket{${RATINGS},le="0.01"} 0`,
      `${name}_bucket{${RATINGS},le="0.1"} 2`,
      `${name}_bucket{${RATINGS},le="+Inf"} 2`,
      `${name}_sum{${RATINGS}} 0.04`,
      `${name}_count{${RATINGS}} 2`,
    ]);
    expect(text).toContain("# TYPE hystrix_command_latency_total_seconds histogram\n");
  });

  it("shows settings where it is told to", async () => {
    const breaker = await used(new VirtualClock());
    const name = "hystrix_command_property_value_circuit_breaker_request_volume_threshold";
    expect(prometheusText([breaker])).not.toContain(name);
    expect(sample(prometheusText([breaker], { properties: true }), name, RATINGS)).toBe(2);
  });

  it("escapes names, and keeps each family in one piece", () => {
    const odd = circuitBreaker(() => 1, { name: 'a"b\\c\nd', group: "\ud800" }).breaker;
    const even = circuitBreaker(() => 1, { name: "even" }).breaker;
    const text = prometheusText([odd, even]);
    expect(text).toContain('command_group="\ufffd",command_name="a\\"b\\\\c\\nd"');
    const families = parseExposition(text);
    expect(families.size).toBe(10);
    expect(text.endsWith("\n")).toBe(true);
  });

  it("shows one of two commands that have one name", () => {
    const twins = [1, 2].map(() => circuitBreaker(() => 1, { name: "twin" }).breaker);
    const text = prometheusText(twins);
    expect(text.match(/^hystrix_command_is_circuit_breaker_open\{/gm)).toHaveLength(1);
  });

  it.each([[[0.1, 0.1]], [[1, 0.5]], [[1, Number.POSITIVE_INFINITY]], [[Number.NaN]]])(
    "refuses bounds that do not rise: %j",
    (latencyBuckets) => {
      expect(() => prometheusText([], { latencyBuckets })).toThrow("latencyBuckets");
    },
  );

  it("is empty where there are no commands", () => {
    expect(prometheusText([])).toBe("");
  });
});
