import { describe, expect, it } from "vitest";
import { oneHop, originServer } from "../../../test/support/one-hop.ts";
import type { Peer, PeerServer } from "../../../test/support/peer.ts";
import { frameOf } from "../../codec/grpc/frame-reader.ts";
import { HeaderTable } from "../../codec/http/header-table.ts";
import { GrpcWeb } from "./grpc-web.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions.filters.http";

const FILTERS = ["grpc_web.v3.GrpcWeb", "router.v3.Router"].map((type) => ({
  name: type,
  typed_config: { "@type": `${EXTENSIONS}.${type}` },
}));

async function scene(): Promise<{ client: Peer; origin: PeerServer }> {
  const origin = await originServer();
  const setup = await oneHop(origin, { hcm: { http_filters: FILTERS } });
  return { client: await setup.client(), origin };
}

/** A message as base64, and as it is. */
const MESSAGE = frameOf(Buffer.from("hello"));
const TEXT = MESSAGE.toString("base64");

function post(type: string, length: number): string {
  const fields = ["host: a", `content-type: ${type}`, `content-length: ${length}`];
  return ["POST /a.B/C HTTP/1.1", ...fields, "", ""].join("\r\n");
}

function tableOf(fields: Readonly<Record<string, string>>): HeaderTable {
  const table = new HeaderTable();
  for (const [name, value] of Object.entries(fields)) table.addName(name, value);
  return table;
}

describe("a request", () => {
  it("as text goes to an HTTP/1.1 origin in chunks, as its length is another", async () => {
    const { client, origin } = await scene();
    client.sends(post("application/grpc-web-text", TEXT.length));
    const upstream = await origin.accepts();
    const head = await upstream.receives("\r\n\r\n");
    expect(head).toContain("content-type: application/grpc\r\n");
    expect(head).toContain("te: trailers\r\n");
    expect(head).toContain("transfer-encoding: chunked\r\n");
    expect(head).not.toContain("content-length");
    client.sends(TEXT.slice(0, 6));
    client.sends(TEXT.slice(6));
    await upstream.receives("0\r\n\r\n");
  });

  it("that breaks off ends the attempt", async () => {
    const { client, origin } = await scene();
    client.sends(post("application/grpc-web-text", 5));
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    client.sends("AAAAA");
    const { head } = await client.receivesResponse();
    expect(head).toContain("400 Bad Request");
    expect(head).toContain("grpc-message: Bad gRPC-web request, invalid base64 data.\r\n");
    await upstream.sees("end");
  });

  it("of another kind is left alone", async () => {
    const { client, origin } = await scene();
    client.sends(post("application/json", 2));
    expect(await (await origin.accepts()).receives("\r\n\r\n")).toContain("content-length: 2\r\n");
  });
});

describe("a response", () => {
  it("that is not gRPC is told in the head", async () => {
    const { client, origin } = await scene();
    client.sends(`${post("application/grpc-web", MESSAGE.length)}${MESSAGE.toString("latin1")}`);
    const upstream = await origin.accepts();
    await upstream.receives("hello");
    upstream.sends("HTTP/1.1 503 Nope\r\ncontent-length: 10\r\n\r\nover 90% ");
    upstream.sends("!");
    const { body, head } = await client.receivesResponse();
    expect(head).toContain("HTTP/1.1 503");
    expect(head).toContain("content-type: application/grpc-web+proto\r\n");
    expect(head).toContain("grpc-message: over 90%25 !\r\n");
    expect(head).toContain("grpc-status: 14\r\n");
    expect(body).toBe("");
  });

  it("as text is padded after each message, so that none waits for the next", () => {
    const web = new GrpcWeb(true);
    const type = "application/grpc-web-text+proto";
    web.takeRequest(tableOf({ "content-type": type, accept: type }));
    web.takeResponse(200, tableOf({ "content-type": "application/grpc" }), true);
    expect(web.encode(MESSAGE).toString()).toBe(TEXT);
    expect(web.encode(MESSAGE.subarray(0, 4)).toString()).toBe(TEXT.slice(0, 4));
    expect(web.encode(MESSAGE.subarray(4)).toString()).toBe(TEXT.slice(4));
    const trailers = web.encodeTrailers(tableOf({ "grpc-status": "0" })).toString();
    expect(Buffer.from(trailers, "base64").toString("latin1")).toContain("grpc-status:0\r\n");
  });

  it("as bytes is not touched", () => {
    const web = new GrpcWeb(true);
    web.takeRequest(tableOf({ "content-type": "application/grpc-web" }));
    expect(web.encode(MESSAGE)).toBe(MESSAGE);
  });
});
