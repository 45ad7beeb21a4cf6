import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { originServer, running } from "../../../test/support/one-hop.ts";
import { tcpListener } from "../../../test/support/proxy-pair.ts";
import { type ProxySetup, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";

const FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
const FORMAT = [
  "%RESPONSE_FLAGS% rx=%BYTES_RECEIVED% tx=%BYTES_SENT% %PROTOCOL% %RESPONSE_CODE%",
  "to=%UPSTREAM_HOST% of=%UPSTREAM_CLUSTER% attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  "from=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% sni=%REQUESTED_SERVER_NAME%\n",
].join(" ");

let folder: string;
let file: string;
let files = 0;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "tunnel-log-"));
});

afterAll(() => fs.rmSync(folder, { recursive: true }));

async function logging(
  port: number,
  proxy: object = {},
  cluster: Record<string, unknown> = {},
): Promise<ProxySetup> {
  files++;
  file = path.join(folder, `${files}.log`);
  const typed_config = {
    "@type": FILE,
    path: file,
    log_format: { text_format_source: { inline_string: FORMAT } },
  };
  const access_log = [{ name: "file", typed_config }];
  const setup = await startSetup(
    [tcpListener("origin", { access_log, ...proxy })],
    [staticCluster("origin", [port], cluster)],
  );
  running.push(setup);
  return setup;
}

/** A proxy writes all of its lines when it stops. */
async function lines(setup: ProxySetup): Promise<string> {
  await setup.stop();
  running.pop();
  return fs.readFileSync(file, "utf8");
}

describe("the access log of a TCP proxy", () => {
  it("has one line for a connection that has ended", async () => {
    const origin = await originServer();
    const setup = await logging(origin.port);
    const client = await setup.client();
    const upstream = await origin.accepts();
    client.sends("question");
    await upstream.receives("question");
    upstream.sends("yes");
    await client.receives("yes");
    expect(fs.readFileSync(file, "utf8")).toBe("");
    upstream.ends();
    client.ends();
    await client.sees("end");
    await upstream.sees("end");
    expect(await lines(setup)).toBe(
      `- rx=8 tx=3 - 0 to=127.0.0.1:${origin.port} of=origin attempts=1 from=127.0.0.1 sni=-\n`,
    );
  });

  it.each([
    {
      name: "nobody listens",
      proxy: { max_connect_attempts: 2 },
      cluster: {},
      line: "UF,URX rx=0 tx=0 - 0 to=127.0.0.1:1 of=origin attempts=2",
    },
    {
      name: "no more connections are allowed",
      proxy: {},
      cluster: { circuit_breakers: { thresholds: [{ max_connections: 0 }] } },
      line: "UO rx=0 tx=0 - 0 to=- of=origin attempts=0",
    },
    {
      name: "nobody may wait",
      proxy: {},
      cluster: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } },
      line: "URX rx=0 tx=0 - 0 to=- of=origin attempts=1",
    },
    {
      name: "the cluster is empty",
      proxy: {},
      cluster: { load_assignment: { cluster_name: "origin", endpoints: [] } },
      line: "UH rx=0 tx=0 - 0 to=- of=origin attempts=0",
    },
    {
      name: "the cluster is not there",
      proxy: { cluster: "nowhere" },
      cluster: {},
      line: "NR rx=0 tx=0 - 0 to=- of=- attempts=0",
    },
  ])("says that $name", async ({ cluster, line, proxy }) => {
    const setup = await logging(1, proxy, cluster);
    await (await setup.client()).sees("end");
    expect(await lines(setup)).toBe(`${line} from=127.0.0.1 sni=-\n`);
  });

  it("says that the endpoint has reset the connection", async () => {
    const origin = await originServer();
    const setup = await logging(origin.port);
    const client = await setup.client();
    const upstream = await origin.accepts();
    client.sends("a");
    await upstream.receives("a");
    upstream.resets();
    await client.sees("end");
    expect(await lines(setup)).toContain("UR rx=1 tx=0");
  });
});
