import { expect, it } from "vitest";
import { sniff } from "./sniff.ts";

it.each([
  ["GET / HTTP/1.1\r\n", "http/1.1"],
  ["\r\nGET / HTTP/1.1\r\n", "http/1.1"],
  ["GET / HTTP/1.0\r\nHost: a", "http/1.0"],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "h2c"],
  ["PRI * HT", "more"],
  ["GE", "more"],
  ["GET /long", "more"],
  ["*1\r\n$4\r\nPING\r\n", "other"],
  ["GET key\r\n", "other"],
  ["\x16\x03\x01", "other"],
  ["get / HTTP/1.1\r\n", "other"],
])("%j is %s", (text, expected) => {
  expect(sniff(Buffer.from(text, "latin1"))).toBe(expected);
});

it("gives up on a request line that never ends", () => {
  expect(sniff(Buffer.from(`GET /${"a".repeat(9000)}`))).toBe("other");
});
