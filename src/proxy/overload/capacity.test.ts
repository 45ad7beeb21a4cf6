import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { running } from "../../../test/support/one-hop.ts";
import type { Peer } from "../../../test/support/peer.ts";
import { httpListener, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";

const CAPACITY = 8;
const OVERLOAD = 5;
const ROUNDS = 4;
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Answers nobody before the test says so: what is refused cannot have waited for an answer. */
async function heldOrigin(): Promise<{ port: number; held: ServerResponse[] }> {
  const held: ServerResponse[] = [];
  const server = createServer((_, response) => held.push(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return { port: (server.address() as AddressInfo).port, held };
}

async function answersOf(clients: readonly Peer[]): Promise<string[]> {
  return await Promise.all(
    clients.map(async (client) => {
      const { head } = await client.receivesResponse();
      return `${head.split(" ")[1]} ${/x-envoy-overloaded: (\w+)/.exec(head)?.[1] ?? ""}`;
    }),
  );
}

it("an origin that is offered five times its capacity works at all of it", async () => {
  const { port, held } = await heldOrigin();
  const circuit_breakers = { thresholds: [{ max_requests: CAPACITY }] };
  const setup = await startSetup(
    [httpListener({ routes: [{ match: { prefix: "/" }, route: { cluster: "origin" } }] })],
    [staticCluster("origin", [port], { circuit_breakers })],
  );
  running.push(setup);
  const clients = await Promise.all(
    Array.from({ length: OVERLOAD * CAPACITY }, () => setup.client()),
  );
  for (let round = 0; round < ROUNDS; round++) {
    let refused = 0;
    const all = Promise.all(
      clients.map(async (client) => {
        client.sends(GET);
        const [answer = ""] = await answersOf([client]);
        if (answer === "503 true") refused++;
        return answer;
      }),
    );
    // While the origin answers nobody, all that are too many have their answer.
    await expect.poll(() => refused).toBe((OVERLOAD - 1) * CAPACITY);
    await expect.poll(() => held.length).toBe(CAPACITY);
    for (const response of held.splice(0)) response.end("ok");
    const answers = await all;
    expect(answers.filter((answer) => answer === "200 ")).toHaveLength(CAPACITY);
  }
  // Afterwards nobody is refused.
  const few = clients.slice(0, CAPACITY);
  for (const client of few) client.sends(GET);
  await expect.poll(() => held.length).toBe(CAPACITY);
  for (const response of held.splice(0)) response.end("ok");
  expect(await answersOf(few)).toEqual(few.map(() => "200 "));
  expect(setup.stat("origin", "upstream_rq_active")).toBe(0);
});
