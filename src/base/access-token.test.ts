import { describe, expect, it } from "vitest";
import { AccessToken, isLocalPeer } from "./access-token.ts";

const TEXT = "0123456789abcdef";

describe("an access token", () => {
  it.each([
    { header: `Bearer ${TEXT}`, expected: true },
    { header: `bearer  ${TEXT}`, expected: true },
    { header: `Bearer ${TEXT}x`, expected: false },
    { header: `Bearer ${TEXT.slice(1)}`, expected: false },
    { header: `Basic ${TEXT}`, expected: false },
    { header: TEXT, expected: false },
    { header: "Bearer", expected: false },
    { header: undefined, expected: false },
  ])("is in $header: $expected", ({ header, expected }) => {
    expect(new AccessToken(`${TEXT}\n`).isIn(header)).toBe(expected);
  });

  it.each(["", "short", "two words of a token", `${TEXT}\n${TEXT}`])("is not %j", (text) => {
    expect(() => new AccessToken(text)).toThrow("at least 16 printable characters");
  });
});

it.each([
  { remote: undefined, local: undefined, expected: true },
  { remote: "127.0.0.1", local: "127.0.0.1", expected: true },
  { remote: "127.0.0.9", local: "127.0.0.1", expected: true },
  { remote: "::1", local: "::1", expected: true },
  { remote: "::ffff:127.0.0.1", local: "::ffff:127.0.0.1", expected: true },
  { remote: "10.0.0.5", local: "10.0.0.5", expected: true },
  { remote: "10.0.0.6", local: "10.0.0.5", expected: false },
  { remote: "::ffff:10.0.0.6", local: "::ffff:10.0.0.5", expected: false },
  { remote: "1270::1", local: "::1", expected: false },
])("$remote at $local is this machine: $expected", ({ remote, local, expected }) => {
  expect(isLocalPeer(remote, local)).toBe(expected);
});
