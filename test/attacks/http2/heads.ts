import type { Attack } from "../arena/attack.ts";
import {
  block,
  data,
  type Field,
  frame,
  headers,
  literal,
  post,
  requestFields,
} from "../wire/frames.ts";
import { refusedHeads } from "./strike.ts";

const SECTION = "RFC 9113 section 8.3";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

/** Fields of a request with one of them exchanged; "" takes it out. */
function changed(name: string, value: string): readonly Field[] {
  return requestFields("/head").flatMap(([known, old]): Field[] => {
    if (known !== name) return [[known, old]];
    return value === "" ? [] : [[known, value]];
  });
}

function added(...more: readonly Field[]): readonly Field[] {
  return requestFields("/head", more);
}

/** Heads that are malformed: their stream is reset, nothing of them is forwarded. */
const FIELDS: readonly (readonly [name: string, fields: readonly Field[]])[] = [
  [":path twice", [[":path", "/other"], ...requestFields("/head")]],
  [":method twice", [[":method", "POST"], ...requestFields("/head")]],
  [":authority twice", [[":authority", "b.example"], ...requestFields("/head")]],
  ["no :path", changed(":path", "")],
  ["no :method", changed(":method", "")],
  ["no :scheme", changed(":scheme", "")],
  ["an empty :path", [...changed(":path", ""), [":path", ""]]],
  [":path behind a field", [["accept", "a"], ...requestFields("/head")]],
  ["an unknown pseudo-header field", [[":foo", "1"], ...requestFields("/head")]],
  [":status in a request", [[":status", "200"], ...requestFields("/head")]],
  [":protocol without CONNECT", [[":protocol", "websocket"], ...requestFields("/head")]],
  ["a :path without a slash", changed(":path", "head")],
  ["a :path with a line end", changed(":path", `/head HTTP/1.1\r\nhost: a\r\n\r\n${SMUGGLED}`)],
  ["a :path with a space", changed(":path", "/head HTTP/1.1")],
  ["a :path with a fragment", changed(":path", "/head#/../admin")],
  ["a :path with NUL", changed(":path", "/head\0")],
  ["a :scheme with a URL", changed(":scheme", "http://h/?")],
  ["a :method with a request line", changed(":method", "GET /x HTTP/1.1\r\nx:")],
  ["an :authority with a line end", changed(":authority", "a\r\nx: y")],
  ["an :authority with userinfo", changed(":authority", "good.example@evil.example")],
  ["an :authority with a path", changed(":authority", "a/../b")],
  ["an :authority of spaces", changed(":authority", " a")],
  ["an empty :authority", changed(":authority", "").concat([[":authority", ""]])],
  [":authority and another host", added(["host", "other.example"])],
  ["host twice", added(["host", "attack.example"], ["host", "attack.example"])],
  ["neither :authority nor host", changed(":authority", "")],
  ["transfer-encoding", added(["transfer-encoding", "chunked"])],
  ["connection", added(["connection", "close"])],
  ["keep-alive", added(["keep-alive", "5"])],
  ["proxy-connection", added(["proxy-connection", "keep-alive"])],
  ["upgrade", added(["upgrade", "h2c"])],
  ["te of gzip", added(["te", "gzip"])],
  ["te of trailers and more", added(["te", "trailers, gzip"])],
  ["a value with a line end", added(["x-a", "a\r\n\r\nGET /smuggled"])],
  ["a value with a bare LF", added(["x-a", "a\nb"])],
  ["a value with a bare CR", added(["x-a", "a\rb"])],
  ["a value with NUL", added(["x-a", "a\0b"])],
  ["a name with a colon", added(["x:a", "b"])],
  ["a name in upper case", added(["X-A", "b"])],
  ["a name with a space", added(["x a", "b"])],
  ["a name with a line end", added(["x\r\ny", "b"])],
  ["an empty name", added(["", "b"])],
  ["transfer-encoding in upper case", added(["Transfer-Encoding", "chunked"])],
  ["an underscore twin of content-length", added(["content_length", "0"])],
  ["an underscore twin of transfer-encoding", added(["transfer_encoding", "chunked"])],
  ["content-length twice, alike", added(["content-length", "0"], ["content-length", "0"])],
  ["content-length twice, unlike", added(["content-length", "0"], ["content-length", "9"])],
  ["a list of content-lengths", added(["content-length", "0, 0"])],
  ["a content-length with a sign", added(["content-length", "+0"])],
  ["a content-length beyond 2^53", added(["content-length", "9007199254740993"])],
  ["a content-length without a body", added(["content-length", "5"])],
  ["CONNECT with a path", changed(":method", "CONNECT")],
];

/** Bodies and trailers that are malformed: the origin may see their beginning, not their end. */
const BODIES: readonly (readonly [name: string, bytes: (id: number) => Buffer])[] = [
  [
    "DATA beyond content-length (H2.CL)",
    (id) => Buffer.concat([post(id, "/body", [["content-length", "0"]]), data(id, SMUGGLED, true)]),
  ],
  [
    "DATA that falls short of content-length",
    (id) => Buffer.concat([post(id, "/body", [["content-length", "99"]]), data(id, "a", true)]),
  ],
  ["trailers with :path", (id) => withTrailers(id, [[":path", "/admin"]])],
  ["trailers with content-length", (id) => withTrailers(id, [["content-length", "0"]])],
  ["trailers with host", (id) => withTrailers(id, [["host", "admin"]])],
  ["trailers with transfer-encoding", (id) => withTrailers(id, [["transfer-encoding", "chunked"]])],
  ["trailers with connection", (id) => withTrailers(id, [["connection", "x"]])],
  ["trailers with a line end", (id) => withTrailers(id, [["x", "a\r\n\r\nGET /smuggled"]])],
  [
    "trailers without END_STREAM (CVE-2026-73513)",
    (id) =>
      Buffer.concat([post(id, "/body"), data(id, "a"), headers(id, block([["x", "1"]]), false)]),
  ],
];

function withTrailers(id: number, fields: readonly Field[]): Buffer {
  return Buffer.concat([post(id, "/body"), data(id, "a"), headers(id, block(fields))]);
}

function attackOf(
  [name, bytes]: readonly [string, (id: number) => Buffer],
  source: string,
  code: string,
): Attack {
  return {
    name,
    source,
    verdict: `RST_STREAM ${code}`,
    begins: true,
    run: (arena, spent) => refusedHeads(arena, spent, bytes),
  };
}

const LARGE: readonly (readonly [string, (id: number) => Buffer])[] = [
  [
    "101 fields",
    (id) => headers(id, block(added(...Array.from({ length: 101 }, (_, i) => num(i))))),
  ],
  [
    "a field of 61 KiB (CVE-2026-73550)",
    (id) => Buffer.concat([split(id, literal("x-large", "x".repeat(61 * 1024)))]),
  ],
  ["a host of 61 KiB", (id) => split(id, literal("host", "h".repeat(61 * 1024)))],
];

function num(i: number): Field {
  return [`x-${i}`, "1"];
}

/** A head in as many frames as it takes. */
function split(id: number, more: Buffer): Buffer {
  const whole = Buffer.concat([block(requestFields("/head")), more]);
  const parts: Buffer[] = [];
  for (let at = 0; at < whole.length; at += 16_384) {
    const last = at + 16_384 >= whole.length ? 4 : 0;
    parts.push(
      frame(at === 0 ? 1 : 9, at === 0 ? last | 1 : last, id, whole.subarray(at, at + 16_384)),
    );
  }
  return Buffer.concat(parts);
}

export const HEADS: readonly Attack[] = [
  ...FIELDS.map(([name, fields]) =>
    attackOf([name, (id) => headers(id, block(fields))], SECTION, "PROTOCOL_ERROR"),
  ),
  ...BODIES.map((one) => attackOf(one, "RFC 9113 section 8.1", "PROTOCOL_ERROR")),
  ...LARGE.map((one) => attackOf(one, "RFC 9113 section 10.5.1", "ENHANCE_YOUR_CALM")),
];
