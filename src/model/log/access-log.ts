import type { Fraction } from "../filter/fraction.ts";
import type { MetadataMatch } from "../filter/rbac.ts";
import type { HeaderMatch } from "../route.ts";

/** Envoy: config.accesslog.v3.AccessLog with a file or a stream behind it. */
export interface AccessLog {
  /** `/dev/stdout` and `/dev/stderr` name the streams. */
  readonly path: string;
  /** Undefined: Envoy's default format. */
  readonly format: AccessLogFormat | undefined;
  /** Undefined: everything is logged. */
  readonly filter: AccessLogFilter | undefined;
}

/** Envoy: config.core.v3.SubstitutionFormatString; strings hold `%OPERATORS%`. */
export type AccessLogFormat = TextLogFormat | JsonLogFormat;

/** The text is a whole line, with its end. */
export interface TextLogFormat {
  readonly kind: "text";
  readonly text: string;
  /** What has no value is empty, and not `-`. */
  readonly omitEmptyValues: boolean;
}

/** One object a line. */
export interface JsonLogFormat {
  readonly kind: "json";
  readonly fields: JsonFields;
  /** What has no value is left out, and not `null`. */
  readonly omitEmptyValues: boolean;
}

export interface JsonFields {
  readonly [name: string]: JsonField;
}

export type JsonField = string | number | boolean | null | readonly JsonField[] | JsonFields;

/** Envoy: config.accesslog.v3.AccessLogFilter: what is logged. */
export type AccessLogFilter =
  | ComparisonFilter
  | { readonly kind: "notHealthCheck" }
  | SampleFilter
  | { readonly kind: "and" | "or"; readonly filters: readonly AccessLogFilter[] }
  | { readonly kind: "header"; readonly header: HeaderMatch }
  /** Short names, as `UF`; empty: any flag. */
  | { readonly kind: "responseFlag"; readonly flags: readonly string[] }
  /** Numbers 0..16. */
  | {
      readonly kind: "grpcStatus";
      readonly statuses: readonly number[];
      readonly exclude: boolean;
    }
  /** What filters have said, as `access_log_hint`; where they have not, `matchIfMissing`. */
  | {
      readonly kind: "metadata";
      readonly match: MetadataMatch;
      readonly matchIfMissing: boolean;
    }
  /** Envoy's words, as `DownstreamEnd`; empty: every type. */
  | { readonly kind: "logType"; readonly types: readonly string[]; readonly exclude: boolean };

/** The status that was answered, or the request's milliseconds. */
export interface ComparisonFilter {
  readonly kind: "statusCode" | "duration";
  readonly operator: "equal" | "atLeast" | "atMost";
  readonly value: number;
}

/** Envoy: RuntimeFilter. By the request's id, so that all proxies choose the same requests. */
export interface SampleFilter {
  readonly kind: "sample";
  readonly fraction: Fraction;
  /** Not by the id, but anew for each request. */
  readonly independent: boolean;
}
