import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Origins, ProxyUnderTest } from "../support/differential.ts";
import { EDGE_CASES, rawOf } from "../support/differential-cases.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-edge.yaml", import.meta.url), "utf8");
const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");

describeWith(["envoy"], "Envoy and Outrigger at the edge", () => {
  let origins: Origins;
  let envoy: ProxyUnderTest;
  let outrigger: ProxyUnderTest;

  beforeAll(async () => {
    origins = await Origins.start(["a", "b"]);
    const ports = { ORIGIN_a: origins.port("a"), ORIGIN_b: origins.port("b") };
    envoy = await ProxyUnderTest.start("envoy", YAML, ports);
    outrigger = await ProxyUnderTest.start("outrigger", YAML, ports);
  });

  afterAll(async () => {
    await envoy?.stop();
    await outrigger?.stop();
    origins?.stop();
  });

  describe.each(Object.entries(EDGE_CASES))("%s", (_, cases) => {
    it.each(cases)("$name", async (one) => {
      const wanted = await envoy.exchange(rawOf(one), origins);
      const found = await outrigger.exchange(rawOf(one), origins);
      if (one.difference === undefined) {
        expect(found).toEqual(wanted);
      } else {
        expect(found).not.toEqual(wanted);
        expect(DIFFERENCES).toContain(`\n### ${one.difference}\n`);
      }
    });
  });
});
