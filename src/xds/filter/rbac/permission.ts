import { create } from "@bufbuild/protobuf";
import { uriTemplateProblem } from "../../../codec/http/uri-template.ts";
import type { TypedExtensionConfig } from "../../../gen/envoy/config/core/v3/extension_pb.js";
import {
  type Permission as PermissionMessage,
  PermissionSchema,
} from "../../../gen/envoy/config/rbac/v3/rbac_pb.js";
import { UriTemplateMatchConfigSchema } from "../../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import type { PathMatcher } from "../../../gen/envoy/type/matcher/v3/path_pb.js";
import type { Int32Range } from "../../../gen/envoy/type/v3/range_pb.js";
import type { Permission } from "../../../model/filter/rbac.ts";
import type { StringMatch } from "../../../model/route.ts";
import type { Place } from "../../check/place.ts";
import { decodeRange, encodeRange } from "../../listener/filter-chain-match.ts";
import { pack, unpack } from "../../message/any.ts";
import { decodeMetadataMatch, encodeMetadataMatch } from "../../message/metadata-match.ts";
import { decodeStringMatch, encodeStringMatch } from "../../message/string-match.ts";
import { decodeHeaderMatch, encodeHeaderMatch } from "../../network/route-match.ts";

/** In its place an error has been told. */
const ANY: Permission = { kind: "any" };
const PORT_MAX = 65_536;

const TEMPLATE_NAME = "envoy.path.match.uri_template.uri_template_matcher";

/** config.rbac.v3.Permission. */
export function decodePermission({ rule }: PermissionMessage, place: Place): Permission {
  switch (rule.case) {
    case "andRules":
      return { kind: "and", of: decodeSet(rule.value.rules, place.field("and_rules")) };
    case "orRules":
      return { kind: "or", of: decodeSet(rule.value.rules, place.field("or_rules")) };
    case "notRule":
      return { kind: "not", of: decodePermission(rule.value, place.field("not_rule")) };
    case "header":
      return { kind: "header", match: decodeHeaderMatch(rule.value, place.field("header")) };
    case "urlPath":
      return decodePath(rule.value, place.field("url_path"));
    case "uriTemplate":
      return decodeTemplate(rule.value, place.field("uri_template"));
    case "destinationIp": {
      const at = place.field("destination_ip");
      return { kind: "destinationIp", range: decodeRange(rule.value, at) };
    }
    case "destinationPort":
      return { kind: "destinationPort", port: rule.value };
    case "destinationPortRange":
      return decodePorts(rule.value, place.field("destination_port_range"));
    case "requestedServerName": {
      const match = decodeStringMatch(rule.value, place.field("requested_server_name"));
      return match === undefined ? ANY : { kind: "requestedServerName", match };
    }
    case "metadata": {
      const at = place.field("metadata");
      return { kind: "metadata", match: decodeMetadataMatch(rule.value, at) };
    }
    default:
      return ANY;
  }
}

function decodeSet(messages: readonly PermissionMessage[], place: Place): Permission[] {
  const at = place.field("rules");
  return messages.map((one, i) => decodePermission(one, at.item(i)));
}

/** type.matcher.v3.PathMatcher; undefined match: the check has said so. */
export function decodePath(
  { rule }: PathMatcher,
  place: Place,
): { readonly kind: "urlPath"; readonly match: StringMatch } | { readonly kind: "any" } {
  const match =
    rule.case === "path" ? decodeStringMatch(rule.value, place.field("path")) : undefined;
  return match === undefined ? { kind: "any" } : { kind: "urlPath", match };
}

function decodeTemplate({ name, typedConfig }: TypedExtensionConfig, place: Place): Permission {
  const at = place.field("typed_config");
  const config = unpack(typedConfig, UriTemplateMatchConfigSchema);
  if (config === undefined) {
    at.refuse("is no path matcher that is executed", typedConfig?.typeUrl ?? name, TEMPLATE_NAME);
    return ANY;
  }
  const { pathTemplate: template } = config;
  const problem = uriTemplateProblem(template);
  if (problem !== undefined) {
    at.field("path_template").refuse(`is no template: ${problem}`, template, "/a/*/b/**");
  }
  return { kind: "uriTemplate", template };
}

function decodePorts({ start, end }: Int32Range, place: Place): Permission {
  const legal = start >= 0 && start < end && end <= PORT_MAX;
  if (!legal) place.refuse("is no range of ports", { start, end }, "0 ≤ start < end ≤ 65536");
  return { kind: "destinationPortRange", start, end };
}

export function encodePermission(permission: Permission): PermissionMessage {
  return create(PermissionSchema, { rule: encodeRule(permission) } as PermissionMessage);
}

function encodeRule(permission: Permission): unknown {
  switch (permission.kind) {
    case "any":
      return { case: "any", value: true };
    case "and":
      return { case: "andRules", value: { rules: permission.of.map(encodePermission) } };
    case "or":
      return { case: "orRules", value: { rules: permission.of.map(encodePermission) } };
    case "not":
      return { case: "notRule", value: encodePermission(permission.of) };
    case "header":
      return { case: "header", value: encodeHeaderMatch(permission.match) };
    case "urlPath":
      return { case: "urlPath", value: encodePath(permission.match) };
    case "uriTemplate":
      return { case: "uriTemplate", value: encodeTemplate(permission.template) };
    case "destinationIp":
      return { case: "destinationIp", value: encodeRange(permission.range) };
    case "destinationPort":
      return { case: "destinationPort", value: permission.port };
    case "destinationPortRange": {
      const { start, end } = permission;
      return { case: "destinationPortRange", value: { start, end } };
    }
    case "requestedServerName":
      return { case: "requestedServerName", value: encodeStringMatch(permission.match) };
    case "metadata":
      return { case: "metadata", value: encodeMetadataMatch(permission.match) };
  }
}

export function encodePath(match: StringMatch): unknown {
  return { rule: { case: "path", value: encodeStringMatch(match) } };
}

function encodeTemplate(pathTemplate: string): unknown {
  const config = create(UriTemplateMatchConfigSchema, { pathTemplate });
  return { name: TEMPLATE_NAME, typedConfig: pack(UriTemplateMatchConfigSchema, config) };
}
