import { expect, it } from "vitest";
import { spiffeIdOf } from "./spiffe-id.ts";

const ID = "spiffe://cluster.local/ns/default/sa/reviews";

it.each([
  { uris: [ID], expected: ID },
  { uris: [], expected: undefined },
  { uris: [ID, "https://example"], expected: undefined },
  { uris: ["https://cluster.local/ns/default"], expected: undefined },
  { uris: ["spiffe://cluster.local"], expected: undefined },
  { uris: ["spiffe://Cluster.local/a"], expected: undefined },
  { uris: ["spiffe://cluster.local/a/"], expected: undefined },
  { uris: ["spiffe://cluster.local/a/../b"], expected: undefined },
  { uris: ["spiffe://cluster.local/a%2fb"], expected: undefined },
  { uris: ["spiffe://user@cluster.local/a"], expected: undefined },
  { uris: [`spiffe://a/${"b".repeat(2048)}`], expected: undefined },
])("the identity in $uris is $expected", ({ uris, expected }) => {
  expect(spiffeIdOf(uris)).toBe(expected);
});
