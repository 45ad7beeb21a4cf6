/**
 * A circuit of scope Mesh with real programs: what one client's sidecar finds out, another's does,
 * which has seen no failure itself.
 */
import { afterEach, expect, it } from "vitest";
import { samplesOf } from "../../src/cli/circuits/samples.ts";
import { socketAddress } from "../../src/model/address.ts";
import { MeshedOrigins } from "../matrix/meshed-origins.ts";
import { ask, type Reply } from "../support/ask.ts";
import { eventually } from "../support/envoy-process.ts";

const POLICY = {
  name: "mesh",
  says: "",
  yaml: `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http: [{ route: [{ destination: { host: ratings } }], retries: { attempts: 0 } }]
---
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: ratings }
spec:
  targetRefs: [{ kind: Service, name: ratings }]
  open: { consecutiveErrors: 3 }
  sleep: 3s
  scope: Mesh
`,
};

let mesh: MeshedOrigins | undefined;

afterEach(async () => {
  await mesh?.stop();
  mesh = undefined;
});

function call(meshed: MeshedOrigins, client: number, id: string): Promise<Reply> {
  const { authority, host, port } = meshed.door(client);
  const headers = { host: authority, "x-ledger-id": id, "x-ledger-reply-bytes": "2" };
  return ask(socketAddress(host, port), "/", { headers });
}

/** How often a client's circuit has changed to a state. */
async function changes(meshed: MeshedOrigins, client: number, to: string): Promise<number> {
  const families = new Set(["outrigger_circuit_transitions_total"]);
  const samples = samplesOf(await meshed.metrics(client), families);
  return samples.find(({ labels }) => labels.to === to)?.value ?? 0;
}

it("opens for a client that has seen no failure, and closes with the one that tries", async () => {
  mesh = await MeshedOrigins.start(POLICY, { clients: 2, endpoints: 2 });
  const meshed = mesh;
  for (const origin of mesh.origins) origin.fail([{ mode: "unavailable", every: 1 }]);
  for (let i = 0; i < 3; i++) expect((await call(meshed, 0, `first-${i}`)).status).toBe(503);
  for (const origin of mesh.origins) origin.fail([]);
  await eventually("the other is open", async () => (await changes(meshed, 1, "open")) === 1);
  const refused = await call(meshed, 1, "refused");
  expect(refused).toMatchObject({ status: 503, body: "circuit default/ratings is open" });
  expect(mesh.ledger.entry("refused")).toBeUndefined();
  await eventually("its sleep is over", async () => {
    return (await call(meshed, 0, `probe-${performance.now()}`)).status === 200;
  });
  await eventually("the other is closed", async () => (await changes(meshed, 1, "closed")) === 1);
  expect((await call(meshed, 1, "served")).status).toBe(200);
});
