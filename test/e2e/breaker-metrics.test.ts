import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { circuitBreaker } from "../../src/breaker/circuit-breaker.ts";
import { prometheusText } from "../../src/breaker/monitor/prometheus.ts";
import { describeWith, tool } from "../support/tools.ts";

async function fetchRating(fails: boolean): Promise<string> {
  if (fails) throw new Error("down");
  return "well";
}

describeWith(["promtool"], "metrics of commands in the process", () => {
  it("are what promtool wants, but for the units that Hystrix's names have", async () => {
    const guarded = circuitBreaker(fetchRating, {
      name: 'ratings "v2"',
      fallback: () => "instead",
    });
    for (const fails of [false, true]) await guarded(fails);
    guarded.breaker.open();
    const input = prometheusText([guarded.breaker], { properties: true });
    const { stdout, stderr } = spawnSync(tool("promtool"), ["check", "metrics"], { input });
    const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
    const hystrix = /^hystrix_command_property_value_\w+_in_milliseconds use base unit "seconds"/;
    expect(complaints.filter((line) => !hystrix.test(line))).toEqual([]);
  });
});
