import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type Http2Scene, http2Scene } from "../../../../test/support/http2-scene.ts";
import { running } from "../../../../test/support/one-hop.ts";

const FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
const FORMAT =
  "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% " +
  "%RESPONSE_CODE_DETAILS%\n";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-http2-"));
let files = 0;

afterAll(() => fs.rmSync(folder, { recursive: true }));

interface LoggedScene extends Http2Scene {
  /** What has been logged, once the proxy has stopped. */
  lines(): Promise<string>;
}

async function logging(): Promise<LoggedScene> {
  const file = path.join(folder, `${++files}.log`);
  const typed_config = {
    "@type": FILE,
    path: file,
    log_format: { text_format_source: { inline_string: FORMAT } },
  };
  const scene = await http2Scene({
    hcm: {
      access_log: [{ name: "file", typed_config }],
      max_request_headers_kb: 4,
      common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" },
    },
  });
  const lines = async (): Promise<string> => {
    running.splice(running.indexOf(scene.setup), 1);
    await scene.setup.stop();
    return fs.readFileSync(file, "utf8");
  };
  return { ...scene, lines };
}

/** What a real Envoy 1.40 logs of them. */
describe("a refused head over HTTP/2 is logged as Envoy logs it", () => {
  it.each([
    ["a name with an underscore", { x_a: "1" }, "DR http2.unexpected_underscore"],
    ["too many bytes", { x: "a".repeat(5000) }, "DR http2.header_list_size_too_large"],
    ["a body that cannot come", { "content-length": "5" }, "DPE http2.violation.of.messaging.rule"],
  ])("where it has %s", async (_, headers, logged) => {
    const { client, lines, setup } = await logging();
    await client.opens("/", headers).ends();
    expect(setup.proxy.telemetry.http("in").value("downstream_rq_total")).toBe(1);
    expect(setup.proxy.telemetry.http("in").value("downstream_rq_active")).toBe(0);
    expect(await lines()).toBe(`- - HTTP/2 0 ${logged}\n`);
  });
});

describe("a request over HTTP/2 that is broken off", () => {
  it("by a reset is logged with DR", async () => {
    const { client, lines, origin, setup } = await logging();
    const call = client.opens("/a");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    call.resets();
    await upstream.sees("end");
    expect(setup.proxy.telemetry.http2.value("rx_reset")).toBe(1);
    expect(await lines()).toBe("GET /a HTTP/2 0 DR http2.remote_reset\n");
  });

  it("with its connection is logged with DC, and is no reset", async () => {
    const { client, lines, origin, setup } = await logging();
    client.opens("/a");
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    client.closes();
    await upstream.sees("end");
    expect(setup.proxy.telemetry.http2.value("rx_reset")).toBe(0);
    expect(await lines()).toBe("GET /a HTTP/2 0 DC downstream_remote_disconnect\n");
  });

  it("by more body than it has said is logged with DPE", async () => {
    const { client, lines, origin, setup } = await logging();
    const call = client.opens("/a", { ":method": "POST", "content-length": "1" }, false);
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    call.stream.write("more");
    await upstream.sees("end");
    await vi.waitFor(() => {
      expect(setup.proxy.telemetry.http2.value("rx_messaging_error")).toBe(1);
    });
    expect(await lines()).toBe("POST /a HTTP/2 0 DPE http2.violation.of.messaging.rule\n");
  });
});
