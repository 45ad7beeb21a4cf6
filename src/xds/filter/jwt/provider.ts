import { create } from "@bufbuild/protobuf";
import { FIELD_NAME, ROUTING_FIELDS } from "../../../base/grammar/field-name.ts";
import {
  JwtProviderSchema,
  type JwtProvider as ProviderMessage,
} from "../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { JwtProvider } from "../../../model/filter/jwt-authn.ts";
import type { Place } from "../../check/place.ts";
import { durationMs, toDuration } from "../../message/scalar.ts";
import { decodeStringMatch, encodeStringMatch } from "../../message/string-match.ts";
import { decodeJwks, encodeJwks } from "./jwks-source.ts";

/** JwtProvider, under its key of the map. */
export function decodeProvider(name: string, message: ProviderMessage, place: Place): JwtProvider {
  const { forwardPayloadHeader: payloadHeader, jwtCacheConfig, maxLifetime, subjects } = message;
  const headers = place.field("from_headers");
  const claims = place.field("claim_to_headers");
  return {
    name,
    issuer: message.issuer,
    audiences: message.audiences,
    subjects: subjects && decodeStringMatch(subjects, place.field("subjects")),
    requireExpiration: message.requireExpiration,
    maxLifetimeMs: maxLifetime && durationMs(maxLifetime),
    jwks: decodeJwks(message, place),
    forward: message.forward,
    fromHeaders: message.fromHeaders.map((header, i) => ({
      name: decodeHeader(header.name, headers.item(i).field("name")),
      prefix: header.valuePrefix,
    })),
    fromParams: message.fromParams,
    fromCookies: message.fromCookies,
    forwardPayloadHeader:
      payloadHeader === ""
        ? ""
        : decodeWritten(payloadHeader, place.field("forward_payload_header")),
    padForwardPayloadHeader: message.padForwardPayloadHeader,
    payloadInMetadata: message.payloadInMetadata,
    spaceDelimitedClaims: message.normalizePayloadInMetadata?.spaceDelimitedClaims ?? [],
    headerInMetadata: message.headerInMetadata,
    failedStatusInMetadata: message.failedStatusInMetadata,
    clockSkewSeconds: message.clockSkewSeconds,
    jwtCacheSize: jwtCacheConfig?.jwtCacheSize,
    claimToHeaders: message.claimToHeaders.map(({ claimName, headerName }, i) => ({
      header: decodeWritten(headerName, claims.item(i).field("header_name")),
      claim: claimName,
    })),
    clearRouteCache: message.clearRouteCache,
  };
}

function decodeHeader(text: string, place: Place): string {
  const name = text.toLowerCase();
  if (!FIELD_NAME.test(name)) place.refuse("is no header's name", text);
  return name;
}

function decodeWritten(text: string, place: Place): string {
  const name = decodeHeader(text, place);
  if (ROUTING_FIELDS.has(name)) place.refuse("is a header that filters leave alone", text);
  return name;
}

export function encodeProvider(provider: JwtProvider): ProviderMessage {
  const { jwtCacheSize, maxLifetimeMs, spaceDelimitedClaims, subjects } = provider;
  const message = create(JwtProviderSchema, {
    issuer: provider.issuer,
    audiences: [...provider.audiences],
    requireExpiration: provider.requireExpiration,
    jwksSourceSpecifier: encodeJwks(provider.jwks),
    forward: provider.forward,
    fromHeaders: provider.fromHeaders.map(({ name, prefix }) => ({ name, valuePrefix: prefix })),
    fromParams: [...provider.fromParams],
    fromCookies: [...provider.fromCookies],
    forwardPayloadHeader: provider.forwardPayloadHeader,
    padForwardPayloadHeader: provider.padForwardPayloadHeader,
    payloadInMetadata: provider.payloadInMetadata,
    headerInMetadata: provider.headerInMetadata,
    failedStatusInMetadata: provider.failedStatusInMetadata,
    clockSkewSeconds: provider.clockSkewSeconds,
    claimToHeaders: provider.claimToHeaders.map(({ claim, header }) => ({
      claimName: claim,
      headerName: header,
    })),
    clearRouteCache: provider.clearRouteCache,
    ...(spaceDelimitedClaims.length === 0
      ? {}
      : { normalizePayloadInMetadata: { spaceDelimitedClaims: [...spaceDelimitedClaims] } }),
    ...(jwtCacheSize === undefined ? {} : { jwtCacheConfig: { jwtCacheSize } }),
  });
  if (subjects !== undefined) message.subjects = encodeStringMatch(subjects);
  if (maxLifetimeMs !== undefined) message.maxLifetime = toDuration(maxLifetimeMs);
  return message;
}
