import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answered, oneHop, originServer, running } from "../../../../test/support/one-hop.ts";
import type { ProxySetup } from "../../../../test/support/proxy-setup.ts";

const FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
const FORMAT =
  "%PROTOCOL% %REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %RESPONSE_CODE% %RESPONSE_FLAGS% " +
  "%RESPONSE_CODE_DETAILS% %BYTES_SENT% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\n";

let folder: string;
let files = 0;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "refusals-"));
});

afterAll(() => fs.rmSync(folder, { recursive: true }));

/** A proxy that logs, and what it has logged once it has stopped. */
async function logging(
  hcm: Record<string, unknown> = {},
): Promise<{ setup: ProxySetup; lines: () => Promise<string> }> {
  const file = path.join(folder, `${++files}.log`);
  const typed_config = {
    "@type": FILE,
    path: file,
    log_format: { text_format_source: { inline_string: FORMAT } },
  };
  const origin = await originServer();
  const setup = await oneHop(origin, {
    hcm: { access_log: [{ name: "file", typed_config }], ...hcm },
  });
  const lines = async (): Promise<string> => {
    running.splice(running.indexOf(setup), 1);
    await setup.stop();
    return fs.readFileSync(file, "utf8");
  };
  return { setup, lines };
}

async function refusedBy(setup: ProxySetup, text: string): Promise<string> {
  const client = await setup.client();
  client.sends(text);
  return await client.sees("end");
}

const HEAD = "GET / HTTP/1.1\r\nHost: a\r\n";

/** What a real Envoy 1.40 logs of them. */
describe("a refused head is logged as Envoy logs it", () => {
  it.each([
    [
      "no method",
      "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "HTTP/1.1 - - - 400 DPE http1.codec_error 11 127.0.0.1",
    ],
    [
      "no Host",
      "GET /x HTTP/1.1\r\n\r\n",
      "HTTP/1.1 GET /x - 400 - missing_host_header 0 127.0.0.1",
    ],
    [
      "two framings",
      `${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
      "HTTP/1.1 - - - 400 DPE http1.content_length_and_chunked_not_allowed 11 127.0.0.1",
    ],
    [
      "a coding that is not chunked",
      `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n`,
      "HTTP/1.1 - - - 501 DPE http1.invalid_transfer_encoding 15 127.0.0.1",
    ],
    [
      "a large head",
      `${HEAD}x: ${"y".repeat(70_000)}\r\n\r\n`,
      "HTTP/1.1 - - - 431 DPE http1.headers_too_large 31 127.0.0.1",
    ],
    [
      "many fields",
      `${HEAD}${"x: y\r\n".repeat(200)}\r\n`,
      "HTTP/1.1 - - - 431 DPE http1.too_many_headers 31 127.0.0.1",
    ],
    [
      "a protected field that is nominated",
      `${HEAD}Connection: x-forwarded-for\r\n\r\n`,
      "HTTP/1.1 - - - 400 DPE http1.connection_header_rejected 11 127.0.0.1",
    ],
    [
      "a chunk without size",
      "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 POST /up a 400 DPE http1.codec_error 11 127.0.0.1",
    ],
  ])("%s", async (_, text, line) => {
    const { setup, lines } = await logging();
    await refusedBy(setup, text);
    expect(await lines()).toBe(`${line}\n`);
  });

  it("and counts as one request", async () => {
    const { setup } = await logging();
    await refusedBy(setup, "G@T / HTTP/1.1\r\n\r\n");
    await refusedBy(
      setup,
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    );
    const http = setup.proxy.telemetry.http("in");
    expect(http.value("downstream_rq_total")).toBe(2);
    expect(http.value("downstream_rq_active")).toBe(0);
    expect(http.value("downstream_cx_protocol_error")).toBe(2);
  });
});

describe("what was refused", () => {
  it("is kept with its reason, its rule and its first bytes", async () => {
    const { setup } = await logging();
    await refusedBy(setup, "GET / HTTP/1.1\r\nCookie: a=b\r\nHo st: a\r\n\r\n");
    const body = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab";
    await refusedBy(setup, body);
    const kept = setup.proxy.telemetry.refused.all;
    expect(kept).toMatchObject([
      {
        listener: "in",
        reason: "badHeaderName",
        rule: "RFC 9112 section 5.1",
        status: 400,
        bytes: expect.stringMatching(/^GET \/ HTTP\/1\.1\\r\\nCookie: \[redacted\].*Ho st: a/),
      },
      { listener: "in", reason: "badChunkEnd", status: 400, bytes: expect.stringMatching(/ab$/) },
    ]);
    expect(kept[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it("is kept where it came in pieces", async () => {
    const { setup } = await logging();
    const client = await setup.client();
    client.sends("GET / HTTP/1.1\r\n");
    client.sends("Host: a\r\nx y\r\n\r\n");
    await client.sees("end");
    expect(setup.proxy.telemetry.refused.all[0]?.bytes).toMatch(/^GET \/ HTTP/);
  });
});

describe("a body that breaks the rules", () => {
  it("does not put a second head behind an answer that has begun", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    client.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    const upstream = await origin.accepts();
    await upstream.receives("abc\r\n");
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    await client.receives("half");
    client.sends("zz\r\n");
    expect(await client.sees("end")).toBe("");
    expect(await upstream.sees("end")).toBe("");
  });
});

describe("names with underscores", () => {
  const asked = `${HEAD}x_a: 1\r\nx-b: 2\r\nX_A: 3\r\n\r\n`;
  const told = (action: string): Record<string, unknown> => ({
    common_http_protocol_options: { headers_with_underscores_action: action },
  });

  it("pass where nothing is said", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin);
    const client = await setup.client();
    client.sends(asked);
    expect(await answered(await origin.accepts())).toMatch(/x_a: 1\r\nx-b: 2\r\nx_a: 3\r\n/);
    await client.receivesResponse();
  });

  it("are dropped where that is asked", async () => {
    const origin = await originServer();
    const setup = await oneHop(origin, { hcm: told("DROP_HEADER") });
    const client = await setup.client();
    client.sends(asked);
    const head = await answered(await origin.accepts());
    expect(head).toContain("x-b: 2");
    expect(head).not.toContain("_");
    await client.receivesResponse();
    expect(setup.proxy.telemetry.http1.value("dropped_headers_with_underscores")).toBe(2);
  });

  it("are refused where that is asked, and logged so", async () => {
    const { setup, lines } = await logging(told("REJECT_REQUEST"));
    expect(await refusedBy(setup, asked)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    const { http1 } = setup.proxy.telemetry;
    expect(http1.value("requests_rejected_with_underscores_in_headers")).toBe(1);
    expect(await lines()).toMatch(/^HTTP\/1.1 - - - 400 DPE http1.unexpected_underscore 11 /);
  });

  it.each(["ALLOW", "DROP_HEADER", "REJECT_REQUEST"])(
    "never stand for framing, with %s",
    async (action) => {
      const { setup } = await logging(told(action));
      for (const name of ["Content_Length: 3", "Transfer_Encoding: chunked"]) {
        const answer = await refusedBy(setup, `POST / HTTP/1.1\r\nHost: a\r\n${name}\r\n\r\nabc`);
        expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      }
    },
  );
});
