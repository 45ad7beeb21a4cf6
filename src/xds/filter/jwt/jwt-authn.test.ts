import { fromBinary, fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jwtAuthn } from "../../../../test/support/arbitrary-jwt.ts";
import { JwtAuthenticationSchema } from "../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { JwtAuthn } from "../../../model/filter/jwt-authn.ts";
import { checkMessage } from "../../check/check.ts";
import { Place, type Problem } from "../../check/place.ts";
import { decodeJwtAuthn, encodeJwtAuthn } from "./jwt-authn.ts";

interface Decoded {
  readonly authn: JwtAuthn;
  readonly problems: readonly Problem[];
}

function decode(json: JsonObject): Decoded {
  const message = fromJson(JwtAuthenticationSchema, json);
  const problems: Problem[] = [];
  const place = new Place(problems);
  checkMessage(JwtAuthenticationSchema, message, place);
  return { authn: decodeJwtAuthn(message, place), problems };
}

const LOCAL = { localJwks: { inlineString: "{}" } };

describe("jwt_authn on the wire", () => {
  it("comes back as it was sent", () => {
    fc.assert(
      fc.property(jwtAuthn, (authn) => {
        const problems: Problem[] = [];
        const bytes = toBinary(JwtAuthenticationSchema, encodeJwtAuthn(authn));
        const message = fromBinary(JwtAuthenticationSchema, bytes);
        checkMessage(JwtAuthenticationSchema, message, new Place(problems));
        expect(decodeJwtAuthn(message, new Place(problems))).toEqual(authn);
        expect(problems).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("has Envoy's defaults where nothing is said", () => {
    const httpUri = { uri: "https://a/jwks", cluster: "a", timeout: "1s" };
    const remoteJwks = { httpUri, asyncFetch: {}, retryPolicy: {} };
    const { authn, problems } = decode({ providers: { a: { remoteJwks } } });
    expect(problems).toEqual([]);
    expect(authn.providers[0]?.jwks).toEqual({
      kind: "remote",
      uri: "https://a/jwks",
      cluster: "a",
      timeoutMs: 1000,
      cacheDurationMs: 600_000,
      asyncFetch: { fastListener: false, failedRefetchMs: 1000 },
      retry: { numRetries: 1, backOffBaseMs: 1000, backOffMaxMs: 10_000 },
    });
  });

  it("names every mistake at its place", () => {
    const match = { prefix: "/" };
    const { problems } = decode({
      providers: {
        a: { ...LOCAL, forwardPayloadHeader: "Content-Length" },
        b: { remoteJwks: { httpUri: { uri: "file:///a", cluster: "c", timeout: "1s" } } },
        c: {},
      },
      rules: [
        { match, requires: { providerName: "x" } },
        { match, requirementName: "none" },
        { match, requires: { requiresAny: { requirements: [{ providerName: "a" }] } } },
      ],
      filterStateRules: { name: "s" },
    });
    expect(problems.map(({ path }) => path).sort()).toEqual([
      "filter_state_rules",
      "providers.a.forward_payload_header",
      "providers.b.remote_jwks.http_uri.uri",
      "providers.c",
      "rules[0].requires.provider_name",
      "rules[1].requirement_name",
      "rules[2].requires.requires_any.requirements",
    ]);
  });
});
