import { expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import { Registry } from "../../metrics/registry.ts";
import { LocalLimits } from "../limits/limits.ts";
import { DEFAULT_OVERLOAD } from "../overload/overload.ts";
import { assemble, countingParts } from "./assemble.ts";

it("makes no table of metrics that the main thread of several workers would not have", () => {
  const options = (): Parameters<typeof countingParts>[0] => ({
    node: { id: "", cluster: "", metadata: {}, userAgentName: "" },
    version: "",
    registry: new Registry(),
    clock: new VirtualClock(),
    onNotice: () => undefined,
    overload: DEFAULT_OVERLOAD,
  });
  const main = countingParts(options()).telemetry.registry;
  const worker = assemble({
    ...options(),
    random: new SeededRandom(1),
    carrying: true,
    limitsOf: ({ thresholds }) => new LocalLimits(thresholds),
    connectionsOf: (thresholds) => new LocalLimits(thresholds),
  }).telemetry.registry;
  const tables = worker.tables.map(({ name, width }) => `${name} ${width}`);
  expect(main.tables.map(({ name, width }) => `${name} ${width}`)).toEqual(tables);
  expect(new Set(tables).size).toBe(tables.length);
  expect(tables.length).toBeGreaterThan(10);
});
