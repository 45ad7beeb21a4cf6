import { create } from "@bufbuild/protobuf";
import {
  type Principal_Authenticated as AuthenticatedMessage,
  type Principal as PrincipalMessage,
  PrincipalSchema,
} from "../../../gen/envoy/config/rbac/v3/rbac_pb.js";
import type { Principal } from "../../../model/filter/rbac.ts";
import type { Place } from "../../check/place.ts";
import { decodeRange, encodeRange } from "../../listener/filter-chain-match.ts";
import { decodeMetadataMatch, encodeMetadataMatch } from "../../message/metadata-match.ts";
import { decodeStringMatch, encodeStringMatch } from "../../message/string-match.ts";
import { decodeHeaderMatch, encodeHeaderMatch } from "../../network/route-match.ts";
import { decodePath, encodePath } from "./permission.ts";

/** config.rbac.v3.Principal. */
export function decodePrincipal({ identifier }: PrincipalMessage, place: Place): Principal {
  switch (identifier.case) {
    case "andIds":
      return { kind: "and", of: decodeSet(identifier.value.ids, place.field("and_ids")) };
    case "orIds":
      return { kind: "or", of: decodeSet(identifier.value.ids, place.field("or_ids")) };
    case "notId":
      return { kind: "not", of: decodePrincipal(identifier.value, place.field("not_id")) };
    case "authenticated":
      return decodeAuthenticated(identifier.value, place.field("authenticated"));
    case "sourceIp": {
      const at = place.field("source_ip");
      return { kind: "sourceIp", range: decodeRange(identifier.value, at) };
    }
    case "directRemoteIp": {
      const at = place.field("direct_remote_ip");
      return { kind: "directRemoteIp", range: decodeRange(identifier.value, at) };
    }
    case "remoteIp": {
      const at = place.field("remote_ip");
      return { kind: "remoteIp", range: decodeRange(identifier.value, at) };
    }
    case "header":
      return { kind: "header", match: decodeHeaderMatch(identifier.value, place.field("header")) };
    case "urlPath":
      return decodePath(identifier.value, place.field("url_path"));
    case "metadata": {
      const at = place.field("metadata");
      return { kind: "metadata", match: decodeMetadataMatch(identifier.value, at) };
    }
    default:
      return { kind: "any" };
  }
}

function decodeSet(messages: readonly PrincipalMessage[], place: Place): Principal[] {
  const at = place.field("ids");
  return messages.map((one, i) => decodePrincipal(one, at.item(i)));
}

function decodeAuthenticated({ principalName }: AuthenticatedMessage, place: Place): Principal {
  const name = principalName && decodeStringMatch(principalName, place.field("principal_name"));
  return { kind: "authenticated", name };
}

export function encodePrincipal(principal: Principal): PrincipalMessage {
  return create(PrincipalSchema, { identifier: encodeIdentifier(principal) } as PrincipalMessage);
}

function encodeIdentifier(principal: Principal): unknown {
  switch (principal.kind) {
    case "any":
      return { case: "any", value: true };
    case "and":
      return { case: "andIds", value: { ids: principal.of.map(encodePrincipal) } };
    case "or":
      return { case: "orIds", value: { ids: principal.of.map(encodePrincipal) } };
    case "not":
      return { case: "notId", value: encodePrincipal(principal.of) };
    case "authenticated": {
      const { name } = principal;
      const value = name === undefined ? {} : { principalName: encodeStringMatch(name) };
      return { case: "authenticated", value };
    }
    case "sourceIp":
    case "directRemoteIp":
    case "remoteIp":
      return { case: principal.kind, value: encodeRange(principal.range) };
    case "header":
      return { case: "header", value: encodeHeaderMatch(principal.match) };
    case "urlPath":
      return { case: "urlPath", value: encodePath(principal.match) };
    case "metadata":
      return { case: "metadata", value: encodeMetadataMatch(principal.match) };
  }
}
