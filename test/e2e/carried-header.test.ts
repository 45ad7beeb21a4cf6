/** Our own header between a sidecar of ours and an Envoy, as clients see it on the wire. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Inbound, Pair, type PairMember } from "../support/differential-pair.ts";
import { Http2Client } from "../support/http2-client.ts";
import { SCRIPTS } from "../support/pair-cases.ts";
import { writeMesh } from "../support/pair-config.ts";
import { connectPeer } from "../support/peer.ts";
import { ScriptedOrigin } from "../support/scripted-origin.ts";
import { describeWith } from "../support/tools.ts";

const HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const MARK = "x-outrigger-carried";
/** Of the outbound proxy, in the form that `Pair` completes. */
const YAML = `static_resources:
  listeners:
  - name: in
    address: {socket_address: {address: 127.0.0.1, port_value: $PORT}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": ${HCM}.HttpConnectionManager
          stat_prefix: in
          http_protocol_options: {enable_trailers: true}
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: script}}]}
          http_filters:
          - {name: router, typed_config: {"@type": ${ROUTER}}}
  clusters:
  - name: script
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: script
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {socket_address: {address: 127.0.0.1, port_value: $ORIGIN_script}}
`;

const MEMBERS: readonly (readonly [outbound: PairMember, inbound: PairMember])[] = [
  ["outrigger", "outrigger"],
  ["outrigger alone", "outrigger alone"],
  ["outrigger", "envoy"],
  ["envoy", "outrigger"],
];

let folder: string;
let origin: ScriptedOrigin;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "carried-header-"));
  await writeMesh(folder);
  origin = await ScriptedOrigin.listen(SCRIPTS);
});

afterAll(() => {
  origin.stop();
  fs.rmSync(folder, { recursive: true });
});

/** Over HTTP/1.1; all that the client gets. */
async function askHttp1(port: number): Promise<string> {
  const client = await connectPeer(port);
  client.sends(
    `POST / HTTP/1.1\r\nHost: a\r\nX-Script: carried\r\n${MARK}: tcp\r\n` +
      `Transfer-Encoding: chunked\r\n\r\n1\r\nq\r\n0\r\nx-sum: 1\r\n${MARK}: tcp\r\n\r\n`,
  );
  const head = await client.receives("\r\n\r\n");
  const rest = await client.receives("\r\n\r\n");
  client.closes();
  return (head + rest).toLowerCase();
}

async function askHttp2(port: number): Promise<string> {
  const client = await Http2Client.connect(port);
  const headers = { ":method": "POST", "x-script": "carried", te: "trailers", [MARK]: "tcp" };
  const call = client.opens("/", headers, false, { "x-sum": "1", [MARK]: "tcp" });
  call.stream.end("q");
  const answer = await call.answer();
  client.closes();
  return JSON.stringify(answer).replaceAll('":"', ": ");
}

describeWith(["envoy"], "our own header", () => {
  it.each(MEMBERS)("reaches nobody through %s and %s", async (first, second) => {
    const inbound = await Inbound.start(second, folder, { a: 1, b: 1, script: origin.port });
    const pair = await Pair.start(first, inbound, YAML, folder);
    try {
      for (const ask of [askHttp1, askHttp2]) {
        const answer = await ask(pair.outbound.port);
        expect(answer).toContain("hello");
        expect(answer).toContain("x-sum: 1");
        expect(answer).not.toContain(MARK);
        const [request] = origin.take();
        expect(request?.body.toLowerCase()).toContain("x-sum: 1");
        expect(JSON.stringify(request).toLowerCase()).not.toContain(MARK);
      }
    } finally {
      await pair.stop();
      await inbound.stop();
    }
  });
});
