import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestEvents } from "../../../test/support/h1-events.ts";

function piecesOf(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  const pieces: Buffer[] = [];
  for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.subarray(i, i + size));
  return pieces;
}

const LONG = "a".repeat(61 * 1024);
const MANY = Array.from({ length: 101 }, (_, i) => `x-${i}: 1\r\n`).join("");

describe.each([
  { name: "a target over the limit", text: `GET /${LONG}`, error: "targetTooLong 414" },
  {
    name: "a whole head over the limit",
    text: `GET / HTTP/1.1\r\nhost: a\r\nx: ${LONG}\r\n\r\n`,
    error: "headTooLarge 431",
  },
  {
    name: "a field over the limit that never ends",
    text: `GET / HTTP/1.1\r\nhost: a\r\nx: ${LONG}`,
    error: "headTooLarge 431",
  },
  {
    name: "a broken field over the limit",
    text: `GET / HTTP/1.1\r\nhost: a\r\nx: \0${LONG}\r\n\r\n`,
    error: "headTooLarge 431",
  },
  {
    name: "101 fields",
    text: `GET / HTTP/1.1\r\n${MANY}\r\n`,
    error: "tooManyHeaders 431",
  },
])("$name", ({ text, error }) => {
  it.each([text.length, 1000, 7, 1])("is refused in pieces of %d bytes", (size) => {
    expect(requestEvents(piecesOf(text, size))).toEqual([`error ${error}`]);
  });
});

it("refuses a chunk extension of more than 4 KiB without data", () => {
  const head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
  const events = requestEvents(piecesOf(`${head}5;${"a".repeat(5000)}\r\n`, 100));
  expect(events.at(-1)).toBe("error chunkExtensionTooLarge 400");
});

it("gives the same events for the same bytes, whatever the bytes and the cuts", () => {
  const fragment = fc.constantFrom(
    "GET / HTTP/1.1\r\n",
    "POST /a HTTP/1.1\r\n",
    "host: a\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\n",
    "\n",
    "\r",
    "3\r\nabc\r\n",
    "0\r\n",
    "abc",
    "x: y",
    ": ",
    " ",
    "\0",
  );
  const cuts = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 6 });
  const property = fc.property(fc.array(fragment, { maxLength: 14 }), cuts, (parts, at) => {
    const bytes = Buffer.from(parts.join(""), "latin1");
    const edges = [...at].sort((a, b) => a - b).map((cut) => Math.min(cut, bytes.length));
    const starts = [0, ...edges];
    const pieces = starts.map((start, i) => bytes.subarray(start, starts[i + 1] ?? bytes.length));
    expect(requestEvents(pieces)).toEqual(requestEvents([bytes]));
  });
  fc.assert(property, { numRuns: 2000 });
});
