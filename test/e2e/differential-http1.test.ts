import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Origins, type Outcome, ProxyUnderTest } from "../support/differential.ts";
import { CASES, rawOf } from "../support/differential-cases.ts";
import { freePort } from "../support/envoy-process.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential.yaml", import.meta.url), "utf8");

const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");

/** Counters that both must have counted alike after all of it. */
const OF_CLUSTERS = [
  "upstream_rq_(total|2xx|4xx|5xx|completed|retry|retry_success|timeout|per_try_timeout)",
  "upstream_cx_(none_healthy|connect_fail)",
].join("|");
const OF_LISTENERS = ["downstream_rq_(total|2xx|3xx|4xx|5xx)", "no_route"].join("|");
const COUNTERS = new RegExp(
  `^(cluster\\.(a|b|refused|empty|limited)\\.(${OF_CLUSTERS})|http\\.in\\.(${OF_LISTENERS}))$`,
);

describeWith(["envoy"], "Envoy and Outrigger on one file", () => {
  let origins: Origins;
  let envoy: ProxyUnderTest;
  let outrigger: ProxyUnderTest;

  beforeAll(async () => {
    origins = await Origins.start(["a", "b"]);
    const ports = {
      ORIGIN_a: origins.port("a"),
      ORIGIN_b: origins.port("b"),
      REFUSED: await freePort(),
    };
    envoy = await ProxyUnderTest.start("envoy", YAML, ports);
    outrigger = await ProxyUnderTest.start("outrigger", YAML, ports);
  });

  afterAll(async () => {
    await envoy?.stop();
    await outrigger?.stop();
    origins?.stop();
  });

  describe.each(Object.entries(CASES))("%s", (_, cases) => {
    it.each(cases)("$name", async (one) => {
      const wanted: Outcome = await envoy.exchange(rawOf(one), origins);
      const found: Outcome = await outrigger.exchange(rawOf(one), origins);
      if (one.difference === undefined) {
        expect(found).toEqual(wanted);
      } else {
        // Mended? Then it leaves the list.
        expect(found).not.toEqual(wanted);
        expect(DIFFERENCES).toContain(`\n### ${one.difference}\n`);
      }
    });
  });

  it("counts alike", async () => {
    expect(await outrigger.stats(COUNTERS)).toEqual(await envoy.stats(COUNTERS));
  });
});
