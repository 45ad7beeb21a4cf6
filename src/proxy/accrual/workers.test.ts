import { expect, it } from "vitest";
import { MoodyEndpoint } from "../../../test/support/moody-endpoint.ts";
import type { Peer } from "../../../test/support/peer.ts";
import { httpListener, staticCluster } from "../../../test/support/proxy-setup.ts";
import { GET, MANY, startWorkersSetup } from "../../../test/support/workers-setup.ts";

const HOUR_MS = 3_600_000;

async function scene(penaltyMs: number) {
  const [bad, good] = [await MoodyEndpoint.start(), await MoodyEndpoint.start()];
  bad.mood = { status: 500 };
  const accrual = { maxFailures: 3, minPenaltyMs: penaltyMs, maxPenaltyMs: penaltyMs };
  const metadata = { filter_metadata: { "outrigger.failure_accrual": accrual } };
  const setup = await startWorkersSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route: { cluster: "cart" } }] })],
    [staticCluster("cart", [bad.port, good.port], { metadata })],
    2,
  );
  return { bad, clients: await setup.clients(MANY), setup };
}

/** The status of one request on this connection. */
async function asks(client: Peer): Promise<string> {
  client.sends(GET);
  return (await client.receivesResponse()).head.split(" ")[1] ?? "";
}

it("workers count an endpoint's failures together, and shut it for each other", async () => {
  const { bad, clients, setup } = await scene(HOUR_MS);
  for (let i = 0; bad.requests < 3; i++) await asks(clients[i % MANY] as Peer);
  const statuses = new Set<string>();
  for (const client of clients) statuses.add(await asks(client));
  expect([...statuses]).toEqual(["200"]);
  expect(bad.requests).toBe(3);
  await expect.poll(() => setup.metric("outrigger_accrual_shut_endpoints")).toBe(1);
  expect(await setup.page("/clusters")).toContain("/failed_accrual");
});

it("of all workers one has a request on probation, and all serve again after it", async () => {
  const { bad, clients, setup } = await scene(100);
  for (let i = 0; bad.requests < 3; i++) await asks(clients[i % MANY] as Peer);
  bad.mood = { status: 200 };
  bad.holds = true;
  let probing: Promise<string> | undefined;
  const free = [...clients];
  while (probing === undefined) {
    const client = free.pop() as Peer;
    const asked = asks(client);
    const answered = await Promise.race([asked, until(() => bad.held === 1)]);
    if (answered === undefined) probing = asked;
    else free.unshift(client);
  }
  for (const client of free) expect(await asks(client)).toBe("200");
  expect(bad.requests).toBe(4);
  bad.holds = false;
  bad.release();
  expect(await probing).toBe("200");
  for (let i = 0; bad.requests < 20; i++) await asks(clients[i % MANY] as Peer);
  const counted = await setup.page("/stats/prometheus");
  expect(counted).toContain('outrigger_accrual_transitions_total{cluster="cart",to="serving"} 1');
  expect(counted).toContain('outrigger_accrual_transitions_total{cluster="cart",to="probation"} 1');
});

/** Resolves to nothing once this holds. */
async function until(holds: () => boolean): Promise<undefined> {
  while (!holds()) await new Promise((later) => setImmediate(later));
  return undefined;
}
