import type { Any } from "@bufbuild/protobuf/wkt";
import { type Diagnostic, formatPosition } from "../base/diagnostic.ts";
import {
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import type { Secret } from "../model/transport/secret.ts";
import { formatProblem } from "./check/place.ts";
import { readDocument } from "./document/document.ts";
import { typeNameOf } from "./message/any.ts";
import { CODECS, decodeResource } from "./resource.ts";

/** What can be read of a file that answers for a subscription, as Envoy's path_config_source. */
export type ResponseFile = Pick<DiscoveryResponse, "resources" | "versionInfo">;

/** YAML or JSON. Throws an Error that says where it is no DiscoveryResponse. */
export function readResponseFile(text: string, path: string): ResponseFile {
  const { diagnostics, message } = readDocument(DiscoveryResponseSchema, text, path);
  const [first] = diagnostics;
  if (first !== undefined) throw new Error(faultOf(first));
  if (message === undefined) throw new Error(`${path} is no DiscoveryResponse`);
  return message;
}

/** Where, and what, unless that could be in the words of the file: it holds private keys. */
function faultOf({ message, path, position }: Diagnostic): string {
  const what = path === "" ? "cannot be read" : `${path} ${message}`;
  return `${formatPosition(position)}: ${what}`;
}

/**
 * The one secret of a discovery response that was asked for one. Throws an Error with Envoy's words
 * where there is another, none or several.
 */
export function secretOf(resources: readonly Any[], name: string): Secret {
  const [first] = resources;
  if (first === undefined || resources.length > 1) {
    throw new Error(`Unexpected SDS secrets length: ${resources.length}`);
  }
  const { typeUrl } = CODECS.secret;
  if (typeNameOf(first.typeUrl) !== typeNameOf(typeUrl)) {
    throw new Error(`resources[0] is of another type: ${first.typeUrl}`);
  }
  const { model, problems } = decodeResource("secret", first.value);
  if (model === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  if (model.name === name) return model;
  throw new Error(`Unexpected SDS secret (expecting ${name}): ${model.name}`);
}
