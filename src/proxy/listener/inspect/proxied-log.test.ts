import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { httpListener, startSetup } from "../../../../test/support/proxy-setup.ts";

const ENVOY = "type.googleapis.com/envoy.extensions";
const FILE = `${ENVOY}.access_loggers.file.v3.FileAccessLog`;
const PROXY = `${ENVOY}.filters.listener.proxy_protocol.v3.ProxyProtocol`;
const FORMAT = "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%\n";
const HEADER = "PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n";

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "proxied-log-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

it.each([
  ["a request", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK"],
  ["a head that is refused", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"],
])("the log of %s names the client, and who speaks for it", async (_what, request, status) => {
  const file = path.join(folder, "access.log");
  const log_format = { text_format_source: { inline_string: FORMAT } };
  const typed_config = { "@type": FILE, path: file, log_format };
  const hcm = { use_remote_address: true, access_log: [{ name: "file", typed_config }] };
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200 } }];
  const listener = httpListener({ hcm, routes }) as object;
  const listener_filters = [{ name: "proxy", typed_config: { "@type": PROXY } }];
  const setup = await startSetup([{ ...listener, listener_filters }], []);
  const client = await setup.client();
  client.sends(`${HEADER}${request}`);
  expect(await client.sees("end")).toContain(status);
  await setup.stop();
  expect(fs.readFileSync(file, "utf8")).toBe("192.0.2.7:1234 127.0.0.1\n");
});
