import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readmeRow } from "../../../test/support/field-readme.ts";
import { goldenCases, showGolden } from "../../../test/support/golden.ts";
import { DEFAULT_SETTINGS } from "../../model/mesh.ts";
import { parseQuantity, wholeWeights } from "../kubernetes/quantity/quantity.ts";
import { readObjects } from "../kubernetes/read.ts";
import { translateKubernetes } from "../kubernetes/translate.ts";
import { ROUTE_GROUP_TABLES } from "./route-group.ts";
import { smi } from "./smi.ts";
import { TRAFFIC_SPLIT_TABLES } from "./traffic-split.ts";
import { TRAFFIC_TARGET_TABLES } from "./traffic-target.ts";

const HERE = import.meta.dirname;

describe("SMI", () => {
  it.each(goldenCases(`${HERE}/testdata`))("translates $name", async ({ file, text, golden }) => {
    const { objects } = readObjects([{ file, text }]);
    const own = objects.filter((object) => smi.speaks(object));
    const others = objects.filter((object) => !smi.speaks(object));
    const { services } = translateKubernetes(others, DEFAULT_SETTINGS);
    const translation = smi.translate(own, { settings: DEFAULT_SETTINGS, services });
    await expect(showGolden({ ...translation })).toMatchFileSnapshot(golden);
  });

  it("says in its README what becomes of every field", () => {
    const readme = readFileSync(`${HERE}/README.md`, "utf8").replaceAll(/ +/g, " ");
    const tables = { ...TRAFFIC_SPLIT_TABLES, ...ROUTE_GROUP_TABLES, ...TRAFFIC_TARGET_TABLES };
    for (const [name, table] of Object.entries(tables)) {
      expect(readme).toContain(readmeRow(name, table));
    }
  });
});

describe("weights", () => {
  it.each([
    ["1", 1],
    ["500m", 0.5],
    ["0m", 0],
    ["1e3", 1000],
    ["1.5k", 1500],
    ["2Ki", 2048],
    ["", undefined],
    ["-1", undefined],
    ["5x", undefined],
    ["1 000", undefined],
  ])("reads the quantity '%s' as %s", (text, value) => {
    expect(parseQuantity(text)).toBe(value);
  });

  it.each([
    [
      [1, 0.5],
      [1000, 500],
    ],
    [
      [90, 10],
      [90, 10],
    ],
    [
      [0.1, 0.9],
      [100, 900],
    ],
    [
      [0.0001, 1],
      [1, 1000],
    ],
  ])("makes %j the whole numbers %j", (weights, whole) => {
    expect(wholeWeights(weights)).toEqual(whole);
  });
});
