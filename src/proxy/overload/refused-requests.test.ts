import { expect, it, vi } from "vitest";
import { running } from "../../../test/support/one-hop.ts";
import { httpListener, startSetup } from "../../../test/support/proxy-setup.ts";
import type { LineSink } from "../telemetry/access-log/log-sink.ts";
import { LogSink } from "../telemetry/access-log/log-sink.ts";
import { Overload } from "./overload.ts";

const FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
const FORMAT = "%REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(:PATH)% %RESPONSE_CODE%\n";

it("a request that is refused says nothing of the one before it", async () => {
  const write = vi.spyOn(LogSink.prototype, "write" satisfies keyof LineSink);
  const refuses = vi.spyOn(Overload.prototype, "refusesRequest");
  const typed_config = {
    "@type": FILE,
    path: "/dev/null",
    log_format: { text_format_source: { inline_string: FORMAT } },
  };
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200 } }];
  const hcm = { access_log: [{ name: "file", typed_config }] };
  const setup = await startSetup([httpListener({ hcm, routes })], []);
  running.push(setup, { stop: () => void vi.restoreAllMocks() });
  const first = await setup.client();
  first.sends("GET /mine HTTP/1.1\r\nHost: a\r\n\r\n");
  await first.receivesResponse();
  refuses.mockReturnValue(true);
  const second = await setup.client();
  second.sends("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n");
  // Behind it comes what was meant for the tunnel.
  expect(await second.sees("end")).toContain("connection: close\r\n");
  expect(write.mock.calls.map(([line]) => line)).toEqual([
    "GET a/mine 200\n",
    "CONNECT b:443 503\n",
  ]);
});
