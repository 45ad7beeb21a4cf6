import { create } from "@bufbuild/protobuf";
import {
  type JwtAuthentication as AuthnMessage,
  JwtAuthenticationSchema,
  PerRouteConfigSchema,
  RequirementRuleSchema,
  type PerRouteConfig as RouteMessage,
  type RequirementRule as RuleMessage,
} from "../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { JwtAuthn, JwtRouteConfig, JwtRule } from "../../../model/filter/jwt-authn.ts";
import type { Place } from "../../check/place.ts";
import { decodeRouteMatch, encodeRouteMatch } from "../../network/route-match.ts";
import { decodeProvider, encodeProvider } from "./provider.ts";
import { decodeRequirement, encodeRequirement } from "./requirement.ts";

/** filters.http.jwt_authn.v3.JwtAuthentication. */
export function decodeJwtAuthn(message: AuthnMessage, place: Place): JwtAuthn {
  const names = new Set(Object.keys(message.providers));
  const providers = place.field("providers");
  const map = place.field("requirement_map");
  const requirements = Object.entries(message.requirementMap).map(([name, requirement]) => ({
    name,
    requirement: decodeRequirement(requirement, names, map.field(name)),
  }));
  const known = new Set(requirements.map(({ name }) => name));
  const rules = place.field("rules");
  return {
    providers: Object.entries(message.providers).map(([name, provider]) =>
      decodeProvider(name, provider, providers.field(name)),
    ),
    rules: message.rules.map((rule, i) => decodeRule(rule, names, known, rules.item(i))),
    requirements,
    bypassCorsPreflight: message.bypassCorsPreflight,
    stripFailureResponse: message.stripFailureResponse,
  };
}

function decodeRule(
  { match, requirementType: type }: RuleMessage,
  providers: ReadonlySet<string>,
  requirements: ReadonlySet<string>,
  place: Place,
): JwtRule {
  const decoded = decodeRouteMatch(match, place.field("match"));
  if (type.case === "requires") {
    const requires = decodeRequirement(type.value, providers, place.field("requires"));
    return { match: decoded, requires };
  }
  if (type.case === undefined) return { match: decoded, requires: undefined };
  if (!requirements.has(type.value)) {
    const allowed = [...requirements].join(", ");
    place.field("requirement_name").refuse("is not in requirement_map", type.value, allowed);
  }
  return { match: decoded, requires: type.value };
}

export function encodeJwtAuthn(authn: JwtAuthn): AuthnMessage {
  return create(JwtAuthenticationSchema, {
    providers: Object.fromEntries(authn.providers.map((one) => [one.name, encodeProvider(one)])),
    rules: authn.rules.map(encodeRule),
    requirementMap: Object.fromEntries(
      authn.requirements.map(({ name, requirement }) => [name, encodeRequirement(requirement)]),
    ),
    bypassCorsPreflight: authn.bypassCorsPreflight,
    stripFailureResponse: authn.stripFailureResponse,
  });
}

function encodeRule({ match, requires }: JwtRule): RuleMessage {
  const message = create(RequirementRuleSchema, { match: encodeRouteMatch(match) });
  if (typeof requires === "string") {
    message.requirementType = { case: "requirementName", value: requires };
  } else if (requires !== undefined) {
    message.requirementType = { case: "requires", value: encodeRequirement(requires) };
  }
  return message;
}

/** filters.http.jwt_authn.v3.PerRouteConfig. */
export function decodeJwtRoute({ requirementSpecifier }: RouteMessage): JwtRouteConfig {
  const { case: kind, value } = requirementSpecifier;
  return kind === "requirementName" ? { requirement: value } : "disabled";
}

export function encodeJwtRoute(config: JwtRouteConfig): RouteMessage {
  return create(PerRouteConfigSchema, {
    requirementSpecifier:
      config === "disabled"
        ? { case: "disabled", value: true }
        : { case: "requirementName", value: config.requirement },
  });
}
