import { describe, expect, it } from "vitest";
import { AskedDestination } from "./asked-destination.ts";

describe.each([
  { authority: "example.org", expected: { host: "example.org", port: 80 } },
  { authority: "192.0.2.1:8080", expected: { host: "192.0.2.1", port: 8080 } },
  { authority: "[2001:db8::1]:81", expected: { host: "2001:db8::1", port: 81 } },
  { authority: "example.org:0", expected: undefined },
  { authority: "example.org:65536", expected: undefined },
  { authority: "127.9.0.2:15001", expected: undefined },
])("a request for $authority", ({ authority, expected }) => {
  it(`goes ${expected === undefined ? "nowhere" : `to ${expected.host} ${expected.port}`}`, () => {
    const asked = new AskedDestination("127.9.0.2:15001");
    if (expected === undefined) expect(asked.of(authority)).toBeUndefined();
    else expect(asked.of(authority)).toMatchObject(expected);
  });
});

it("follows each request's own authority", () => {
  const asked = new AskedDestination("127.9.0.2:15001");
  expect(asked.of("a")).toMatchObject({ host: "a" });
  expect(asked.of("b:81")).toMatchObject({ host: "b", port: 81 });
  expect(asked.of("a")).toMatchObject({ host: "a", port: 80 });
});
