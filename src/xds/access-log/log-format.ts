import { create, type JsonObject } from "@bufbuild/protobuf";
import {
  type SubstitutionFormatString,
  SubstitutionFormatStringSchema,
} from "../../gen/envoy/config/core/v3/substitution_format_string_pb.js";
import type { AccessLogFormat, JsonFields } from "../../model/log/access-log.ts";
import type { Place } from "../check/place.ts";
import { decodeText } from "../network/route-action.ts";

/** config.core.v3.SubstitutionFormatString. */
export function decodeFormat(
  message: SubstitutionFormatString,
  place: Place,
): AccessLogFormat | undefined {
  const { format, omitEmptyValues } = message;
  switch (format.case) {
    case "textFormat":
      return { kind: "text", text: format.value, omitEmptyValues };
    case "textFormatSource": {
      const text = decodeText(format.value, place.field("text_format_source"));
      return { kind: "text", text, omitEmptyValues };
    }
    case "jsonFormat":
      return { kind: "json", fields: format.value as JsonFields, omitEmptyValues };
    default:
      return undefined;
  }
}

export function encodeFormat(format: AccessLogFormat): SubstitutionFormatString {
  const { omitEmptyValues } = format;
  if (format.kind === "json") {
    const jsonFormat = { case: "jsonFormat" as const, value: format.fields as JsonObject };
    return create(SubstitutionFormatStringSchema, { format: jsonFormat, omitEmptyValues });
  }
  const source = { specifier: { case: "inlineString" as const, value: format.text } };
  return create(SubstitutionFormatStringSchema, {
    format: { case: "textFormatSource", value: source },
    omitEmptyValues,
  });
}
