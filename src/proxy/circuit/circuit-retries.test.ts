import { expect, it } from "vitest";
import { circuitScene, meanwhile } from "../../../test/support/circuit-scene.ts";

const SLEEP_MS = 5000;

it("calls that a circuit refuses add nothing to what may be retried", async () => {
  const rate = { percent: 50, minPerSecond: 0, windowMs: 60_000 };
  const back = { base_interval: "0.001s", max_interval: "0.001s" };
  const { asks, clock, origin } = await circuitScene({
    atRoute: true,
    route: { retry_policy: { retry_on: "5xx", num_retries: 1, retry_back_off: back } },
    cluster: { metadata: { filter_metadata: { "outrigger.retry_rate": rate } } },
  });
  const call = async (): Promise<number> => (await meanwhile(asks(), clock)).status;
  origin.says(500);
  expect([await call(), await call()]).toEqual([500, 500]);
  // Half of two calls: the second one was tried twice.
  expect(origin.seen).toHaveLength(3);
  for (let i = 0; i < 6; i++) expect(await call()).toBe(503);
  clock.advance(SLEEP_MS);
  expect(await call()).toBe(500);
  expect(origin.seen).toHaveLength(4);
});
