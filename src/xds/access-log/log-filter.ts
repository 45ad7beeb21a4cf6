import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AccessLogFilterSchema,
  ComparisonFilterSchema,
  type ComparisonFilter as ComparisonMessage,
  type AccessLogFilter as FilterMessage,
  ComparisonFilter_Op as Op,
  type RuntimeFilter,
} from "../../gen/envoy/config/accesslog/v3/accesslog_pb.js";
import {
  type AccessLogType,
  AccessLogTypeSchema,
} from "../../gen/envoy/data/accesslog/v3/accesslog_pb.js";
import type { Fraction } from "../../model/filter/fraction.ts";
import type { AccessLogFilter, ComparisonFilter } from "../../model/log/access-log.ts";
import type { Place } from "../check/place.ts";
import { decodeFraction, encodeFraction } from "../message/fraction.ts";
import { decodeMetadataMatch, encodeMetadataMatch } from "../message/metadata-match.ts";
import { keyOf } from "../message/scalar.ts";
import { decodeHeaderMatch, encodeHeaderMatch } from "../network/route-match.ts";

const OPERATORS: Readonly<Record<ComparisonFilter["operator"], Op>> = {
  equal: Op.EQ,
  atLeast: Op.GE,
  atMost: Op.LE,
};

/** Envoy's default of a sample that says nothing. */
const NONE: Fraction = { numerator: 0, denominator: 100 };

type Kinds = Exclude<FilterMessage["filterSpecifier"]["case"], undefined>;
type ValueOf<K extends Kinds> = Extract<
  FilterMessage["filterSpecifier"],
  { readonly case: K }
>["value"];

/** config.accesslog.v3.AccessLogFilter; what is not executed, the check has refused. */
export function decodeLogFilter(message: FilterMessage, place: Place): AccessLogFilter | undefined {
  const { filterSpecifier: specifier } = message;
  switch (specifier.case) {
    case "statusCodeFilter":
      return comparison("statusCode", specifier.value.comparison);
    case "durationFilter":
      return comparison("duration", specifier.value.comparison);
    case "notHealthCheckFilter":
      return { kind: "notHealthCheck" };
    case "runtimeFilter":
      return decodeSample(specifier.value);
    case "andFilter":
      return { kind: "and", filters: decodeAll(specifier.value, place.field("and_filter")) };
    case "orFilter":
      return { kind: "or", filters: decodeAll(specifier.value, place.field("or_filter")) };
    case "headerFilter":
      return decodeHeader(specifier.value, place.field("header_filter").field("header"));
    case "responseFlagFilter":
      return { kind: "responseFlag", flags: specifier.value.flags };
    case "grpcStatusFilter": {
      const { statuses, exclude } = specifier.value;
      return { kind: "grpcStatus", statuses: [...statuses], exclude };
    }
    case "metadataFilter":
      return decodeMetadata(specifier.value, place.field("metadata_filter").field("matcher"));
    case "logTypeFilter":
      return decodeLogType(specifier.value);
    default:
      return undefined;
  }
}

function comparison(
  kind: ComparisonFilter["kind"],
  message: ComparisonMessage | undefined,
): ComparisonFilter {
  const operator = keyOf(OPERATORS, message?.op ?? Op.EQ) ?? "equal";
  return { kind, operator, value: message?.value?.defaultValue ?? 0 };
}

function decodeSample({
  percentSampled,
  useIndependentRandomness: independent,
}: RuntimeFilter): AccessLogFilter {
  const fraction = percentSampled === undefined ? NONE : decodeFraction(percentSampled);
  return { kind: "sample", fraction, independent };
}

function decodeAll(
  { filters }: { readonly filters: readonly FilterMessage[] },
  place: Place,
): AccessLogFilter[] {
  const at = place.field("filters");
  return filters.flatMap((filter, i) => decodeLogFilter(filter, at.item(i)) ?? []);
}

function decodeHeader(
  { header }: ValueOf<"headerFilter">,
  place: Place,
): AccessLogFilter | undefined {
  if (header === undefined) return undefined;
  return { kind: "header", header: decodeHeaderMatch(header, place) };
}

function decodeMetadata(
  { matchIfKeyNotFound, matcher }: ValueOf<"metadataFilter">,
  place: Place,
): AccessLogFilter | undefined {
  if (matcher === undefined) {
    place.refuse("is missing");
    return undefined;
  }
  if (matcher.invert) place.field("invert").refuse("is not executed where it chooses lines", true);
  const matchIfMissing = matchIfKeyNotFound ?? true;
  return { kind: "metadata", match: decodeMetadataMatch(matcher, place), matchIfMissing };
}

function decodeLogType({ types, exclude }: ValueOf<"logTypeFilter">): AccessLogFilter {
  const names = types.flatMap((type) => AccessLogTypeSchema.value[type]?.name ?? []);
  return { kind: "logType", types: names, exclude };
}

export function encodeLogFilter(filter: AccessLogFilter): FilterMessage {
  return create(AccessLogFilterSchema, { filterSpecifier: encode(filter) });
}

type Encoded = NonNullable<MessageInitShape<typeof AccessLogFilterSchema>["filterSpecifier"]>;

function encode(filter: AccessLogFilter): Encoded {
  switch (filter.kind) {
    case "statusCode":
      return { case: "statusCodeFilter" as const, value: encodeComparison(filter) };
    case "duration":
      return { case: "durationFilter" as const, value: encodeComparison(filter) };
    case "notHealthCheck":
      return { case: "notHealthCheckFilter" as const, value: {} };
    case "sample":
      return { case: "runtimeFilter" as const, value: encodeSample(filter) };
    case "and":
      return { case: "andFilter" as const, value: encodeAll(filter.filters) };
    case "or":
      return { case: "orFilter" as const, value: encodeAll(filter.filters) };
    case "header":
      return {
        case: "headerFilter" as const,
        value: { header: encodeHeaderMatch(filter.header) },
      };
    case "responseFlag":
      return { case: "responseFlagFilter" as const, value: { flags: [...filter.flags] } };
    case "grpcStatus": {
      const { exclude, statuses } = filter;
      return { case: "grpcStatusFilter" as const, value: { statuses: [...statuses], exclude } };
    }
    case "metadata": {
      const { match, matchIfMissing: matchIfKeyNotFound } = filter;
      const value = { matcher: encodeMetadataMatch(match), matchIfKeyNotFound };
      return { case: "metadataFilter" as const, value };
    }
    case "logType": {
      const types = filter.types.flatMap((name) => typeNamed(name) ?? []);
      return { case: "logTypeFilter" as const, value: { types, exclude: filter.exclude } };
    }
  }
}

function typeNamed(name: string): AccessLogType | undefined {
  return AccessLogTypeSchema.values.find((value) => value.name === name)?.number;
}

/** Envoy wants a key of its runtime, even where it has no runtime. */
const RUNTIME_KEY = "access_log";

function encodeComparison({ operator, value }: ComparisonFilter) {
  const comparison = create(ComparisonFilterSchema, {
    op: OPERATORS[operator],
    value: { defaultValue: value, runtimeKey: RUNTIME_KEY },
  });
  return { comparison };
}

function encodeSample({ fraction, independent }: Extract<AccessLogFilter, { kind: "sample" }>) {
  return {
    runtimeKey: RUNTIME_KEY,
    percentSampled: encodeFraction(fraction),
    useIndependentRandomness: independent,
  };
}

function encodeAll(filters: readonly AccessLogFilter[]) {
  return { filters: filters.map(encodeLogFilter) };
}
