import { expect, it } from "vitest";
import { MoodyEndpoint } from "../../../test/support/moody-endpoint.ts";
import { httpListener, staticCluster } from "../../../test/support/proxy-setup.ts";
import { GET, MANY, startWorkersSetup } from "../../../test/support/workers-setup.ts";

const HOUR_MS = 3_600_000;

it("each worker judges for itself, and what they count is added up", async () => {
  const [bad, good] = [await MoodyEndpoint.start(), await MoodyEndpoint.start()];
  bad.mood = { status: 500 };
  const accrual = { maxFailures: 2, minPenaltyMs: HOUR_MS, maxPenaltyMs: HOUR_MS };
  const metadata = { filter_metadata: { "outrigger.failure_accrual": accrual } };
  const setup = await startWorkersSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route: { cluster: "cart" } }] })],
    [staticCluster("cart", [bad.port, good.port], { metadata })],
    2,
  );
  const clients = await setup.clients(MANY);
  while (bad.requests < 4) {
    for (const client of clients) {
      client.sends(GET);
      await client.receivesResponse();
    }
  }
  for (const client of clients) {
    client.sends(GET);
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  }
  expect(bad.requests).toBe(4);
  await expect.poll(() => setup.metric("outrigger_accrual_shut_endpoints")).toBe(1);
  expect(await setup.page("/clusters")).toContain("/failed_accrual");
});
