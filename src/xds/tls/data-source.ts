import { create } from "@bufbuild/protobuf";
import {
  type DataSource as DataSourceMessage,
  DataSourceSchema,
} from "../../gen/envoy/config/core/v3/base_pb.js";
import type { DataSource } from "../../model/transport/tls.ts";

const INLINE: DataSource = { kind: "inline", text: "" };

/** core.v3.DataSource; a relative path counts from the working directory, as in Envoy. */
export function decodeSource(message: DataSourceMessage): DataSource {
  const { specifier } = message;
  switch (specifier.case) {
    case "filename":
      return { kind: "file", path: specifier.value };
    case "inlineString":
      return { kind: "inline", text: specifier.value };
    case "inlineBytes":
      return { kind: "inline", text: new TextDecoder().decode(specifier.value) };
    default:
      return INLINE;
  }
}

export function encodeSource(source: DataSource): DataSourceMessage {
  return create(DataSourceSchema, {
    specifier:
      source.kind === "file"
        ? { case: "filename", value: source.path }
        : { case: "inlineString", value: source.text },
  });
}
