import { create } from "@bufbuild/protobuf";
import {
  type AccessLog as AccessLogMessage,
  AccessLogSchema,
} from "../../gen/envoy/config/accesslog/v3/accesslog_pb.js";
import {
  type SubstitutionFormatString,
  SubstitutionFormatStringSchema,
} from "../../gen/envoy/config/core/v3/substitution_format_string_pb.js";
import { FileAccessLogSchema } from "../../gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from "../../gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import type { AccessLog } from "../../model/listener.ts";
import type { Place } from "../check/place.ts";
import { pack, unpack } from "../message/any.ts";
import { orUndefined } from "../message/scalar.ts";
import { decodeText } from "./route-action.ts";

const STREAMS = [
  { schema: StdoutAccessLogSchema, path: "/dev/stdout" },
  { schema: StderrAccessLogSchema, path: "/dev/stderr" },
] as const;

export function decodeAccessLogs(messages: readonly AccessLogMessage[], place: Place): AccessLog[] {
  return messages.flatMap((message, i) => decodeAccessLog(message, place.item(i)) ?? []);
}

function decodeAccessLog(message: AccessLogMessage, place: Place): AccessLog | undefined {
  const { configType } = message;
  const any = configType.case === "typedConfig" ? configType.value : undefined;
  const at = place.field("typed_config").field("log_format");
  for (const { schema, path } of STREAMS) {
    const stream = unpack(any, schema);
    if (stream === undefined) continue;
    const { accessLogFormat: format } = stream;
    return {
      path,
      format: format.case === "logFormat" ? decodeFormat(format.value, at) : undefined,
    };
  }
  const file = unpack(any, FileAccessLogSchema);
  if (file === undefined) {
    if (any === undefined) place.field("typed_config").refuse("is missing");
    return undefined;
  }
  const { accessLogFormat: format } = file;
  if (format.case === "format") return { path: file.path, format: orUndefined(format.value) };
  const text = format.case === "logFormat" ? decodeFormat(format.value, at) : undefined;
  return { path: file.path, format: text };
}

function decodeFormat(message: SubstitutionFormatString, place: Place): string | undefined {
  const { format } = message;
  if (format.case === "textFormat") return format.value;
  if (format.case === "textFormatSource") {
    return decodeText(format.value, place.field("text_format_source"));
  }
  return undefined;
}

export function encodeAccessLog(log: AccessLog): AccessLogMessage {
  const { format } = log;
  const text =
    format === undefined
      ? undefined
      : create(SubstitutionFormatStringSchema, {
          format: {
            case: "textFormatSource",
            value: { specifier: { case: "inlineString", value: format } },
          },
        });
  const accessLogFormat =
    text === undefined ? { case: undefined } : { case: "logFormat" as const, value: text };
  const stream = STREAMS.find(({ path }) => path === log.path);
  const value =
    stream === undefined
      ? pack(FileAccessLogSchema, create(FileAccessLogSchema, { path: log.path, accessLogFormat }))
      : pack(stream.schema, create(stream.schema, { accessLogFormat }));
  return create(AccessLogSchema, {
    name: "envoy.access_loggers.file",
    configType: { case: "typedConfig", value },
  });
}
