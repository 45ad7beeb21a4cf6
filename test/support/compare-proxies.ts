import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Origins, ProxyUnderTest } from "./differential.ts";
import { freePort } from "./envoy-process.ts";

/** What is sent through both proxies. */
export interface ComparedCase {
  readonly name: string;
  /** A heading of docs/differences.md, where the two differ. */
  readonly difference?: string | undefined;
}

export interface Comparison<C extends ComparedCase> {
  /** The file of both; $ORIGIN_a, $ORIGIN_b and $REFUSED stand for ports. */
  readonly yaml: string;
  readonly groups: Readonly<Record<string, readonly C[]>>;
  readonly exchange: (proxy: ProxyUnderTest, one: C, origins: Origins) => Promise<unknown>;
  /** What both must have counted alike after all of it. */
  readonly counters?: RegExp;
  /** Further servers that both need, and what stands for their ports in the file. */
  readonly servers?: () => Promise<FurtherServers>;
}

interface FurtherServers {
  readonly ports: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");

/** Sends every case through a real Envoy and through Outrigger, on one file. In a `describe`. */
export function compareProxies<C extends ComparedCase>(comparison: Comparison<C>): void {
  const { yaml, groups, exchange, counters } = comparison;
  let origins: Origins;
  let further: FurtherServers | undefined;
  let envoy: ProxyUnderTest;
  let outrigger: ProxyUnderTest;

  beforeAll(async () => {
    origins = await Origins.start(["a", "b"]);
    further = await comparison.servers?.();
    const ports = {
      ...further?.ports,
      ORIGIN_a: origins.port("a"),
      ORIGIN_b: origins.port("b"),
      REFUSED: await freePort(),
    };
    envoy = await ProxyUnderTest.start("envoy", yaml, ports);
    outrigger = await ProxyUnderTest.start("outrigger", yaml, ports);
  });

  afterAll(async () => {
    await envoy?.stop();
    await outrigger?.stop();
    origins?.stop();
    await further?.stop();
  });

  describe.each(Object.entries(groups))("%s", (_, cases) => {
    it.each(cases)("$name", async (one) => {
      const wanted = await exchange(envoy, one, origins);
      const found = await exchange(outrigger, one, origins);
      if (one.difference === undefined) {
        expect(found).toEqual(wanted);
      } else {
        // Mended? Then it leaves the list.
        expect(found).not.toEqual(wanted);
        expect(DIFFERENCES).toContain(`\n### ${one.difference}\n`);
      }
    });
  });

  if (counters === undefined) return;
  it("counts alike", async () => {
    expect(await outrigger.stats(counters)).toEqual(await envoy.stats(counters));
  });
}
