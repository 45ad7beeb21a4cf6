import { expect, it } from "vitest";
import { PUBLIC_ONLY } from "../../control/jwks/guarded-fetch.ts";
import { isReachable } from "../../control/jwks/public-address.ts";
import { jwksAccess } from "./jwks-access.ts";

it("without flags only public addresses are asked for keys, over https", () => {
  expect(jwksAccess({})).toEqual(PUBLIC_ONLY);
});

it("blocks that are allowed are reached", () => {
  const { allowed, plaintext } = jwksAccess({ jwksAllow: "10.1.0.0/16, ::1", jwksHttp: true });
  expect(plaintext).toBe(true);
  expect(isReachable("10.1.2.3", allowed)).toBe(true);
  expect(isReachable("::1", allowed)).toBe(true);
  expect(isReachable("10.2.0.1", allowed)).toBe(false);
});

it("what is no block is told", () => {
  expect(() => jwksAccess({ jwksAllow: "10.1.0.0/16,everywhere" })).toThrow(
    "--jwks-allow everywhere is no block as 10.1.0.0/16",
  );
});
