import { expect, it } from "vitest";
import { meshOf } from "../../../test/support/mesh.ts";
import { jwksOf, signingKey } from "../../../test/support/tokens.ts";
import { unusableKeys } from "./unusable-keys.ts";

function found(jwks: string): readonly (string | undefined)[] {
  const mesh = meshOf(`
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: a }
spec: { jwtRules: [{ issuer: "https://a", jwks: '${jwks}' }] }
`);
  return unusableKeys(mesh).map(({ code, path }) => `${code} ${path}`);
}

it("a rule whose keys are shared secrets is told of: all of its tokens are refused", () => {
  const secrets = '{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]}';
  expect(found(secrets)).toEqual(["OUT0605 spec.jwtRules[0].jwks"]);
});

it("a rule with one public key is not", () => {
  expect(found(jwksOf(signingKey("a", "ES256")))).toEqual([]);
});
