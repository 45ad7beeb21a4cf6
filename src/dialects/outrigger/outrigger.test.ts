import { describe, expect, it } from "vitest";
import { goldenCases, showGolden } from "../../../test/support/golden.ts";
import { DEFAULT_SETTINGS } from "../../model/mesh.ts";
import { CIRCUIT_DEFAULTS } from "../../model/resilience/circuit-bounds.ts";
import { readObjects } from "../kubernetes/read.ts";
import { outrigger } from "./outrigger.ts";

function translated(text: string, file = "a.yaml") {
  const { objects } = readObjects([{ file, text }]);
  const own = objects.filter((object) => outrigger.speaks(object));
  return outrigger.translate(own, { settings: DEFAULT_SETTINGS, services: [] });
}

describe("policies of our own", () => {
  it.each(goldenCases(`${import.meta.dirname}/testdata`))("translates $name", async (golden) => {
    const translation = translated(golden.text, golden.file);
    await expect(showGolden({ ...translation })).toMatchFileSnapshot(golden.golden);
  });

  it("are Hystrix's where nothing but the target is said", () => {
    const { circuitBreakers, diagnostics } = translated(`
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: {name: all}
spec: {targetRefs: [{kind: Namespace, name: default}]}
`);
    expect(diagnostics).toEqual([]);
    const { fallback, ...defaults } = CIRCUIT_DEFAULTS;
    expect(fallback).toBeUndefined();
    expect(circuitBreakers?.[0]?.circuit).toEqual({ name: "default/all", ...defaults });
  });
});
