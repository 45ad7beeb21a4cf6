import { expect, it } from "vitest";
import { INBOUND_POLICIES, INBOUND_POLICY, readInboundPolicy } from "./inbound-policy.ts";

it.each(INBOUND_POLICIES)("reads %s", (policy) => {
  expect(readInboundPolicy({ [INBOUND_POLICY]: policy })).toEqual({ policy, faults: [] });
});

it("tells what is no policy, and what is one", () => {
  expect(readInboundPolicy({ [INBOUND_POLICY]: "open" })).toEqual({
    policy: undefined,
    faults: [{ name: INBOUND_POLICY, found: "open", allowed: INBOUND_POLICIES.join(", ") }],
  });
  expect(readInboundPolicy({})).toEqual({ policy: undefined, faults: [] });
});
