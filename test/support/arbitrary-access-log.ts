import fc from "fast-check";
import type {
  AccessLog,
  AccessLogFilter,
  AccessLogFormat,
  JsonFields,
} from "../../src/model/log/access-log.ts";
import { few, fraction, headerMatch, name, optional, upTo3 } from "./arbitrary-words.ts";

/** Any legal access logs, for round trips. */

const text = fc.constantFrom("%PROTOCOL%\n", "%RESPONSE_CODE%\n", "plain");

const { fields } = fc.letrec<{ fields: JsonFields }>((tie) => ({
  fields: fc.dictionary(
    name,
    fc.oneof(
      { maxDepth: 2 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(text, upTo3),
      tie("fields"),
    ),
    { maxKeys: 3, noNullPrototype: true },
  ),
}));

const format: fc.Arbitrary<AccessLogFormat> = fc.oneof(
  fc.record({ kind: fc.constant("text" as const), text, omitEmptyValues: fc.boolean() }),
  fc.record({ kind: fc.constant("json" as const), fields, omitEmptyValues: fc.boolean() }),
);

const filter: fc.Arbitrary<AccessLogFilter> = fc.letrec<{ filter: AccessLogFilter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 2 },
    fc.record({
      kind: fc.constantFrom("statusCode" as const, "duration" as const),
      operator: fc.constantFrom("equal" as const, "atLeast" as const, "atMost" as const),
      value: fc.nat(999),
    }),
    fc.constant({ kind: "notHealthCheck" as const }),
    fc.record({ kind: fc.constant("sample" as const), fraction, independent: fc.boolean() }),
    fc.record({ kind: fc.constant("header" as const), header: headerMatch }),
    fc.record({
      kind: fc.constant("responseFlag" as const),
      flags: fc.uniqueArray(fc.constantFrom("UF", "NR", "RL"), upTo3),
    }),
    fc.record({
      kind: fc.constant("grpcStatus" as const),
      statuses: fc.uniqueArray(fc.nat(16), upTo3),
      exclude: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("metadata" as const),
      match: fc.record({
        filter: name,
        path: fc.array(name, few),
        value: fc.record({ kind: fc.constant("bool" as const), value: fc.boolean() }),
        invert: fc.constant(false),
      }),
      matchIfMissing: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("logType" as const),
      types: fc.uniqueArray(fc.constantFrom("DownstreamEnd", "TcpConnectionEnd"), upTo3),
      exclude: fc.boolean(),
    }),
    fc.record({
      kind: fc.constantFrom("and" as const, "or" as const),
      filters: fc.array(tie("filter"), { minLength: 2, maxLength: 3 }),
    }),
  ),
})).filter;

export const accessLogs: fc.Arbitrary<AccessLog[]> = fc.array(
  fc.record({
    path: fc.constantFrom("/dev/stdout", "/dev/stderr", "/tmp/access.log"),
    format: optional(format),
    filter: optional(filter),
  }),
  upTo3,
);
