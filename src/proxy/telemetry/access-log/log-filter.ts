import type { Random } from "../../../base/random.ts";
import { grpcStatusOfHttp } from "../../../codec/grpc/status.ts";
import type {
  AccessLogFilter,
  ComparisonFilter,
  SampleFilter,
} from "../../../model/log/access-log.ts";
import { MetadataMatcher } from "../../filters/metadata-matcher.ts";
import type { FormatSource } from "../../format/source.ts";
import { HeaderMatcher } from "../../route/route-matcher.ts";
import { RESPONSE_FLAGS } from "../response-flags.ts";

/** Whether a request is logged (Envoy: access_log_impl.cc). */
export type LogFilter = (source: FormatSource) => boolean;

/** Throws where a regex is not RE2. */
export function compileLogFilter(filter: AccessLogFilter, random: Random): LogFilter {
  switch (filter.kind) {
    case "statusCode":
    case "duration":
      return comparison(filter);
    case "notHealthCheck":
      // Health checks that reach the proxy are requests like any other: no filter answers them.
      return () => true;
    case "sample":
      return sample(filter, random);
    case "and":
    case "or":
      return combined(filter, random);
    case "header": {
      const matcher = new HeaderMatcher(filter.header);
      return (source) => matcher.matches({ header: (name) => source.requestHeader(name) });
    }
    case "responseFlag":
      return responseFlag(filter.flags);
    case "grpcStatus":
      return (source) => filter.statuses.includes(grpcStatusOf(source)) !== filter.exclude;
    case "metadata":
      return metadataFilter(filter);
    case "logType":
      if (filter.types.length === 0) return () => true;
      return (source) => filter.types.includes(source.logType()) !== filter.exclude;
  }
}

/** Envoy: MetadataFilter. */
function metadataFilter({
  match,
  matchIfMissing,
}: Extract<AccessLogFilter, { kind: "metadata" }>): LogFilter {
  const matcher = new MetadataMatcher(match);
  return (source) => {
    const said = source.dynamicMetadata();
    const known = said?.at(match.filter, match.path) !== undefined;
    return known ? matcher.matches(said) : matchIfMissing;
  };
}

function combined(
  { kind, filters }: Extract<AccessLogFilter, { kind: "and" | "or" }>,
  random: Random,
): LogFilter {
  const compiled = filters.map((filter) => compileLogFilter(filter, random));
  return kind === "and"
    ? (source) => compiled.every((filter) => filter(source))
    : (source) => compiled.some((filter) => filter(source));
}

function comparison({ kind, operator, value }: ComparisonFilter): LogFilter {
  const found = kind === "statusCode" ? statusOf : durationMsOf;
  switch (operator) {
    case "equal":
      return (source) => found(source) === value;
    case "atLeast":
      return (source) => found(source) >= value;
    case "atMost":
      return (source) => found(source) <= value;
  }
}

/** Without an answer it is 0. */
function statusOf({ account }: FormatSource): number {
  return account.code;
}

function durationMsOf({ account }: FormatSource): number {
  return Math.floor(account.endedAtMs - account.startedAtMs);
}

/** Envoy takes what the HTTP status means to a call, where nothing said more. */
function grpcStatusOf({ account }: FormatSource): number {
  return account.grpcStatus >= 0 ? account.grpcStatus : grpcStatusOfHttp(account.code);
}

function responseFlag(names: readonly string[]): LogFilter {
  if (names.length === 0) return ({ account }) => account.flags !== 0;
  const wanted = RESPONSE_FLAGS.filter(({ short }) => names.includes(short));
  const bits = wanted.reduce((sum, { bit }) => sum | bit, 0);
  return ({ account }) => (account.flags & bits) !== 0;
}

const UUID_HEAD = /^[0-9a-fA-F]{8}/;

/** By the first 32 bits of the request's id, so that proxies along the way agree. */
function sample({ fraction, independent }: SampleFilter, random: Random): LogFilter {
  const { numerator, denominator } = fraction;
  return (source) => {
    const id = independent ? undefined : source.requestHeader("x-request-id");
    const head = id === undefined ? undefined : UUID_HEAD.exec(id)?.[0];
    const drawn =
      head === undefined ? random.below(denominator) : Number.parseInt(head, 16) % denominator;
    return drawn < numerator;
  };
}
