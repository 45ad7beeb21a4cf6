import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Peer } from "../../test/support/peer.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import {
  readStrictnessVectors,
  type StrictnessVector,
} from "../../test/support/strictness-vectors.ts";
import { type WitnessedRequest, WitnessOrigin } from "../../test/support/witness-origin.ts";

const FOLDER = new URL("../../test/vectors/http1/", import.meta.url);
const AFTER = "GET /after HTTP/1.1\r\nHost: a\r\n\r\n";

let origin: WitnessOrigin;
let setup: ProxySetup;

beforeAll(async () => {
  origin = await WitnessOrigin.listen();
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const hcm = { http_protocol_options: { accept_http_10: true } };
  const clusters = [staticCluster("origin", [origin.port])];
  setup = await startSetup([httpListener({ hcm, routes })], clusters);
});

afterAll(async () => {
  await setup.stop();
  origin.stop();
});

/** The statuses that come, and whether the connection ends: a next request is not answered. */
async function answersTo(client: Peer, { input, closed, statuses }: StrictnessVector) {
  client.sends(input);
  if (closed) {
    client.sends(AFTER);
    return statusesIn(await client.sees("end"));
  }
  const heads: string[] = [];
  while (heads.length < statuses.length) heads.push(await client.receives("\r\n\r\n"));
  client.sends(AFTER);
  const rest = await client.receives("x-line: GET /after\r\n");
  return [...statusesIn(heads.join("")), ...statusesIn(rest).slice(0, -1)];
}

function statusesIn(text: string): number[] {
  return [...text.matchAll(/^(?:.*[^\r\n])?HTTP\/1\.[01] (\d{3}) /gm)].map(([, code]) =>
    Number(code),
  );
}

function summary({ line, body }: WitnessedRequest): string {
  return body === "" ? line : `${line} ${body}`;
}

describe.each(["framing.md", "head.md"])("%s", (file) => {
  it.each(readStrictnessVectors(new URL(file, FOLDER)))("$name", async (vector) => {
    origin.take();
    const client = await setup.client();
    expect(await answersTo(client, vector)).toEqual(vector.statuses);
    client.closes();
    const whole = origin.take().filter(({ complete, line }) => complete && line !== "GET /after");
    expect(whole.map(summary)).toEqual(vector.sees);
    const fields = whole.at(-1)?.fields ?? [];
    for (const field of vector.has) expect(fields).toContain(field);
    for (const name of vector.lacks) {
      expect(fields.filter((field) => field.startsWith(`${name}:`))).toEqual([]);
    }
    expect(whole.flatMap(({ trailers }) => trailers)).toEqual([]);
  });
});

it("leaves the origin nothing that it could not read", () => {
  expect(origin.malformed).toEqual([]);
});
