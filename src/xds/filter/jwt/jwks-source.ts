import { create } from "@bufbuild/protobuf";
import type { RetryPolicy as RetryMessage } from "../../../gen/envoy/config/core/v3/base_pb.js";
import {
  type JwtProvider as ProviderMessage,
  RemoteJwksSchema,
  type RemoteJwks as RemoteMessage,
} from "../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { JwksRetry, JwksSource, RemoteJwks } from "../../../model/filter/jwt-authn.ts";
import type { Place } from "../../check/place.ts";
import { durationMs, durationOr, toDuration } from "../../message/scalar.ts";
import { decodeSource, encodeSource } from "../../tls/data-source.ts";

const CACHE_DURATION_MS = 600_000;
const FAILED_REFETCH_MS = 1000;
const BACK_OFF_MS = 1000;
const RETRIES = 1;

/** JwtProvider.jwks_source_specifier. */
export function decodeJwks(
  { jwksSourceSpecifier: source }: ProviderMessage,
  place: Place,
): JwksSource {
  if (source.case === "remoteJwks") return decodeRemote(source.value, place.field("remote_jwks"));
  return source.case === "localJwks" ? decodeSource(source.value) : { kind: "inline", text: "" };
}

function decodeRemote(message: RemoteMessage, place: Place): RemoteJwks {
  const { asyncFetch, cacheDuration, httpUri, retryPolicy } = message;
  const uri = httpUri?.uri ?? "";
  if (!isHttp(uri)) {
    const at = place.field("http_uri").field("uri");
    at.refuse("is no URL that can be fetched", uri, "http://host/path, https://host/path");
  }
  return {
    kind: "remote",
    uri,
    cluster: httpUri?.httpUpstreamType.value ?? "",
    timeoutMs: durationMs(httpUri?.timeout),
    cacheDurationMs: durationOr(cacheDuration, CACHE_DURATION_MS),
    asyncFetch: asyncFetch && {
      fastListener: asyncFetch.fastListener,
      failedRefetchMs: durationOr(asyncFetch.failedRefetchDuration, FAILED_REFETCH_MS),
    },
    retry: retryPolicy && decodeRetry(retryPolicy, place.field("retry_policy")),
  };
}

function isHttp(uri: string): boolean {
  const url = URL.parse(uri);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:");
}

function decodeRetry({ numRetries, retryBackOff }: RetryMessage, place: Place): JwksRetry {
  const backOffBaseMs = durationOr(retryBackOff?.baseInterval, BACK_OFF_MS);
  const backOffMaxMs = durationOr(retryBackOff?.maxInterval, backOffBaseMs * 10);
  if (backOffMaxMs < backOffBaseMs) {
    const at = place.field("retry_back_off").field("max_interval");
    at.refuse("is below base_interval", `${backOffMaxMs}ms`, `at least ${backOffBaseMs}ms`);
  }
  return { numRetries: numRetries ?? RETRIES, backOffBaseMs, backOffMaxMs };
}

export function encodeJwks(source: JwksSource): ProviderMessage["jwksSourceSpecifier"] {
  if (source.kind !== "remote") return { case: "localJwks", value: encodeSource(source) };
  return { case: "remoteJwks", value: encodeRemote(source) };
}

function encodeRemote(jwks: RemoteJwks): RemoteMessage {
  const { asyncFetch, retry } = jwks;
  return create(RemoteJwksSchema, {
    httpUri: {
      uri: jwks.uri,
      httpUpstreamType: { case: "cluster", value: jwks.cluster },
      timeout: toDuration(jwks.timeoutMs),
    },
    cacheDuration: toDuration(jwks.cacheDurationMs),
    ...(asyncFetch === undefined
      ? {}
      : {
          asyncFetch: {
            fastListener: asyncFetch.fastListener,
            failedRefetchDuration: toDuration(asyncFetch.failedRefetchMs),
          },
        }),
    ...(retry === undefined
      ? {}
      : {
          retryPolicy: {
            numRetries: retry.numRetries,
            retryBackOff: {
              baseInterval: toDuration(retry.backOffBaseMs),
              maxInterval: toDuration(retry.backOffMaxMs),
            },
          },
        }),
  });
}
