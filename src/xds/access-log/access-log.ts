import { create } from "@bufbuild/protobuf";
import {
  type AccessLog as AccessLogMessage,
  AccessLogSchema,
} from "../../gen/envoy/config/accesslog/v3/accesslog_pb.js";
import {
  type FileAccessLog,
  FileAccessLogSchema,
} from "../../gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from "../../gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import type { AccessLog, AccessLogFormat } from "../../model/log/access-log.ts";
import type { Place } from "../check/place.ts";
import { pack, unpack } from "../message/any.ts";
import { decodeLogFilter, encodeLogFilter } from "./log-filter.ts";
import { decodeFormat, encodeFormat } from "./log-format.ts";

const STREAMS = [
  { schema: StdoutAccessLogSchema, path: "/dev/stdout" },
  { schema: StderrAccessLogSchema, path: "/dev/stderr" },
] as const;

export function decodeAccessLogs(messages: readonly AccessLogMessage[], place: Place): AccessLog[] {
  return messages.flatMap((message, i) => decodeAccessLog(message, place.item(i)) ?? []);
}

function decodeAccessLog(message: AccessLogMessage, place: Place): AccessLog | undefined {
  const target = decodeTarget(message, place.field("typed_config"));
  if (target === undefined) return undefined;
  const { filter } = message;
  return {
    ...target,
    filter: filter && decodeLogFilter(filter, place.field("filter")),
  };
}

type Target = Pick<AccessLog, "path" | "format">;

function decodeTarget({ configType }: AccessLogMessage, place: Place): Target | undefined {
  const any = configType.case === "typedConfig" ? configType.value : undefined;
  for (const { schema, path } of STREAMS) {
    const stream = unpack(any, schema);
    if (stream === undefined) continue;
    const { accessLogFormat: format } = stream;
    if (format.case !== "logFormat") return { path, format: undefined };
    return { path, format: decodeFormat(format.value, place.field("log_format")) };
  }
  const file = unpack(any, FileAccessLogSchema);
  if (file !== undefined) return { path: file.path, format: formatOfFile(file, place) };
  if (any === undefined) place.refuse("is missing");
  return undefined;
}

/** The older fields say the same as `log_format`. */
function formatOfFile(
  { accessLogFormat: format }: FileAccessLog,
  place: Place,
): AccessLogFormat | undefined {
  switch (format.case) {
    case "format":
      if (format.value === "") return undefined;
      return { kind: "text", text: format.value, omitEmptyValues: false };
    case "logFormat":
      return decodeFormat(format.value, place.field("log_format"));
    default:
      return undefined;
  }
}

export function encodeAccessLog(log: AccessLog): AccessLogMessage {
  const { filter } = log;
  return create(AccessLogSchema, {
    name: "envoy.access_loggers.file",
    configType: { case: "typedConfig", value: encodeTarget(log) },
    ...(filter === undefined ? {} : { filter: encodeLogFilter(filter) }),
  });
}

function encodeTarget({ path, format }: AccessLog) {
  const accessLogFormat =
    format === undefined
      ? { case: undefined }
      : { case: "logFormat" as const, value: encodeFormat(format) };
  const stream = STREAMS.find((one) => one.path === path);
  if (stream !== undefined) return pack(stream.schema, create(stream.schema, { accessLogFormat }));
  return pack(FileAccessLogSchema, create(FileAccessLogSchema, { path, accessLogFormat }));
}
