import { describe, expect, it } from "vitest";
import { circuitMetadata, MoodyServer } from "../../../test/support/circuit-scene.ts";
import type { Peer } from "../../../test/support/peer.ts";
import { httpListener, staticCluster } from "../../../test/support/proxy-setup.ts";
import {
  GET,
  MANY,
  startWorkersSetup,
  TO_ORIGIN,
  until,
  type WorkersSetup,
} from "../../../test/support/workers-setup.ts";

const OPEN = "circuit default/ratings is open";
/** Nobody waits for so long here. */
const LONG_MS = 3_600_000;

async function scene(circuit: Record<string, unknown>, route = {}) {
  const origin = await MoodyServer.listen();
  const cluster = staticCluster("origin", [origin.port], circuitMetadata(circuit));
  const routes = TO_ORIGIN.map((one) => ({ ...(one as object), ...route }));
  const setup = await startWorkersSetup([httpListener({ routes })], [cluster]);
  return { origin, setup };
}

/** One after the other; the statuses. */
async function ask(clients: readonly Peer[]): Promise<string[]> {
  const statuses: string[] = [];
  for (const client of clients) {
    client.sends(GET);
    statuses.push((await client.receivesResponse()).head.slice(9, 12));
  }
  return statuses;
}

interface Page {
  readonly circuits: readonly {
    readonly state: string;
    readonly concurrent: number;
    readonly transitions: readonly { readonly to: string; readonly reason: string }[];
  }[];
}

async function circuit(setup: WorkersSetup): Promise<Page["circuits"][number]> {
  const { circuits } = JSON.parse(await setup.page("/circuits")) as Page;
  const [one] = circuits;
  if (one === undefined) throw new Error("there is no circuit");
  return one;
}

describe("a circuit of two workers", () => {
  it("is one: it opens by the calls of both, and refuses both", async () => {
    const open = { kind: "consecutiveErrors", errors: MANY };
    const { origin, setup } = await scene({ open, sleepMs: LONG_MS });
    origin.says(500);
    const clients = await setup.clients(MANY);
    expect(new Set(await ask(clients))).toEqual(new Set(["500"]));
    expect(new Set(await ask(clients))).toEqual(new Set(["503"]));
    expect(origin.seen).toHaveLength(MANY);
    expect(await circuit(setup)).toMatchObject({
      state: "open",
      concurrent: 0,
      transitions: [{ to: "open", reason: `${MANY} calls failed in a row` }],
    });
    expect(await setup.metric("outrigger_circuit_state")).toBe(1);
    await until(async () => (await setup.metric("outrigger_circuit_rejected_total")) === MANY);
    expect(await setup.metric("outrigger_circuit_transitions_total")).toBe(1);
  });

  it("lets one probe through for both", async () => {
    const open = { kind: "consecutiveErrors", errors: 1 };
    const { origin, setup } = await scene({ open, sleepMs: 1 });
    origin.says(500);
    const clients = await setup.clients(MANY);
    await ask(clients.slice(0, 1));
    let answer = (): void => undefined;
    const probed = new Promise<void>((resolve) => {
      origin.answer = (_, response) => {
        answer = () => response.end("good");
        resolve();
      };
    });
    // Whoever comes first after the sleep is the probe, and all others are refused.
    await until(async () => (await circuit(setup)).state === "open");
    for (const client of clients) client.sends(GET);
    await probed;
    await until(() => clients.filter(({ received }) => received !== "").length === MANY - 1);
    for (const { received } of clients) if (received !== "") expect(received).toContain(OPEN);
    expect(origin.seen).toHaveLength(2);
    answer();
    await until(async () => (await circuit(setup)).state === "closed");
    await until(async () => (await setup.metric("outrigger_circuit_recovery_seconds")) === 1);
  });

  it("gets back what a worker had that ends, its probe included", async () => {
    const open = { kind: "consecutiveErrors", errors: 1 };
    const { origin, setup } = await scene({ open, sleepMs: 1, maxConcurrent: 100 });
    origin.says(500);
    await ask(await setup.clients(1));
    const probed = new Promise<void>((resolve) => {
      origin.answer = () => resolve();
    });
    const clients = await setup.clients(MANY);
    for (const client of clients) client.sends(GET);
    await probed;
    expect(await circuit(setup)).toMatchObject({ state: "halfOpen", concurrent: 1 });
    await until(() => clients.filter(({ received }) => received !== "").length === MANY - 1);
    origin.says(200);
    await Promise.all(setup.proxy.fleet.threads.map((thread) => thread.terminate()));
    await until(() => setup.proxy.fleet.threads.every(({ state }) => state === "serving"));
    expect(await circuit(setup)).toMatchObject({ state: "halfOpen", concurrent: 0 });
    expect(await ask(await setup.clients(2))).toEqual(["200", "200"]);
    expect((await circuit(setup)).state).toBe("closed");
  });
});
