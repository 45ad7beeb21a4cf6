import { create } from "@bufbuild/protobuf";
import {
  type RateLimit_Action as ActionMessage,
  RateLimit_ActionSchema,
  RateLimitSchema,
  type RateLimit as RuleMessage,
} from "../../gen/envoy/config/route/v3/route_components_pb.js";
import type { LimitAction, LimitRule } from "../../model/filter/limit-rule.ts";
import type { Place } from "../check/place.ts";
import {
  decodeHeaderMatch,
  decodeQuery,
  encodeHeaderMatch,
  encodeQuery,
} from "../network/route-match.ts";

const GENERIC_KEY = "generic_key";
const HEADER_MATCH = "header_match";
const QUERY_MATCH = "query_match";

/** `rate_limits` of a route or a virtual host. */
export function decodeLimitRules(messages: readonly RuleMessage[], place: Place): LimitRule[] {
  return messages.map(({ actions }, i) => {
    const at = place.item(i).field("actions");
    return { actions: actions.flatMap((action, j) => decodeAction(action, at.item(j)) ?? []) };
  });
}

function decodeAction({ actionSpecifier }: ActionMessage, place: Place): LimitAction | undefined {
  const { case: kind, value } = actionSpecifier;
  switch (kind) {
    case "genericKey":
      refuseOperators(value.descriptorValue, place.field("generic_key"));
      return {
        kind: "genericKey",
        key: value.descriptorKey || GENERIC_KEY,
        value: value.descriptorValue,
      };
    case "requestHeaders":
      return {
        kind: "requestHeader",
        key: value.descriptorKey,
        header: value.headerName.toLowerCase(),
        skipIfAbsent: value.skipIfAbsent,
      };
    case "remoteAddress":
      return { kind: "remoteAddress" };
    case "headerValueMatch": {
      const at = place.field("header_value_match");
      refuseOperators(value.descriptorValue, at);
      const headers = at.field("headers");
      return {
        kind: "headerMatch",
        key: value.descriptorKey || HEADER_MATCH,
        value: value.descriptorValue,
        expectMatch: value.expectMatch ?? true,
        headers: value.headers.map((match, i) => decodeHeaderMatch(match, headers.item(i))),
      };
    }
    case "queryParameterValueMatch": {
      const at = place.field("query_parameter_value_match");
      refuseOperators(value.descriptorValue, at);
      const queries = at.field("query_parameters");
      return {
        kind: "queryMatch",
        key: value.descriptorKey || QUERY_MATCH,
        value: value.descriptorValue,
        expectMatch: value.expectMatch ?? true,
        parameters: value.queryParameters.map((match, i) => decodeQuery(match, queries.item(i))),
      };
    }
    default:
      // The table of what is executed has refused it.
      return undefined;
  }
}

/** Later Envoys fill them in; they would never match here. */
function refuseOperators(value: string, place: Place): void {
  if (!value.includes("%")) return;
  place.field("descriptor_value").refuse("has operators, which are not executed", value, "no %");
}

export function encodeLimitRule(rule: LimitRule): RuleMessage {
  return create(RateLimitSchema, { actions: rule.actions.map(encodeAction) });
}

function encodeAction(action: LimitAction): ActionMessage {
  return create(RateLimit_ActionSchema, { actionSpecifier: specifierOf(action) });
}

function specifierOf(action: LimitAction) {
  switch (action.kind) {
    case "genericKey": {
      const value = { descriptorKey: action.key, descriptorValue: action.value };
      return { case: "genericKey" as const, value };
    }
    case "requestHeader": {
      const { header: headerName, key: descriptorKey, skipIfAbsent } = action;
      const value = { headerName, descriptorKey, skipIfAbsent };
      return { case: "requestHeaders" as const, value };
    }
    case "remoteAddress":
      return { case: "remoteAddress" as const, value: {} };
    case "headerMatch": {
      const { expectMatch, key: descriptorKey, value: descriptorValue } = action;
      const headers = action.headers.map(encodeHeaderMatch);
      const value = { descriptorKey, descriptorValue, expectMatch, headers };
      return { case: "headerValueMatch" as const, value };
    }
    case "queryMatch": {
      const { expectMatch, key: descriptorKey, value: descriptorValue } = action;
      const queryParameters = action.parameters.map(encodeQuery);
      const value = { descriptorKey, descriptorValue, expectMatch, queryParameters };
      return { case: "queryParameterValueMatch" as const, value };
    }
  }
}
