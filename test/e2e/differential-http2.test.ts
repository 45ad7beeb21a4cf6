/** The same file and the same requests as in HTTP/1.1, but both proxies are spoken to in HTTP/2. */
import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Origins, ProxyUnderTest } from "../support/differential.ts";
import { exchangeHttp2, HTTP2_CASES } from "../support/differential-http2.ts";
import { freePort } from "../support/envoy-process.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs
  .readFileSync(new URL("differential.yaml", import.meta.url), "utf8")
  .replace("codec_type: HTTP1", "codec_type: HTTP2");

const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");

/** Counters that both must have counted alike after all of it. */
const COUNTERS =
  /^http\.in\.(downstream_(cx|rq)_http[12]_total|downstream_rq_(total|[2345]xx)|no_route)$/;

describeWith(["envoy"], "Envoy and Outrigger on one file, over HTTP/2", () => {
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

  describe.each(Object.entries(HTTP2_CASES))("%s", (_, cases) => {
    it.each(cases)("$name", async (one) => {
      const wanted = await exchangeHttp2(envoy, one, origins);
      const found = await exchangeHttp2(outrigger, one, origins);
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
