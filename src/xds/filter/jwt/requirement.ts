import { create } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import {
  JwtRequirementSchema,
  type JwtRequirement as RequirementMessage,
} from "../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { JwtRequirement } from "../../../model/filter/jwt-authn.ts";
import type { Place } from "../../check/place.ts";

const NONE: JwtRequirement = { kind: "none" };

/** JwtRequirement; `providers`: the names that it may use. */
export function decodeRequirement(
  { requiresType: type }: RequirementMessage,
  providers: ReadonlySet<string>,
  place: Place,
): JwtRequirement {
  switch (type.case) {
    case "providerName":
      known(type.value, providers, place.field("provider_name"));
      return { kind: "provider", provider: type.value, audiences: [] };
    case "providerAndAudiences": {
      const { providerName, audiences } = type.value;
      const at = place.field("provider_and_audiences");
      known(providerName, providers, at.field("provider_name"));
      return { kind: "provider", provider: providerName, audiences };
    }
    case "requiresAny":
      return {
        kind: "any",
        of: decodeAll(type.value.requirements, providers, place.field("requires_any")),
      };
    case "requiresAll":
      return {
        kind: "all",
        of: decodeAll(type.value.requirements, providers, place.field("requires_all")),
      };
    case "allowMissing":
      return { kind: "allowMissing" };
    case "allowMissingOrFailed":
      return { kind: "allowMissingOrFailed" };
    default:
      return NONE;
  }
}

function decodeAll(
  messages: readonly RequirementMessage[],
  providers: ReadonlySet<string>,
  place: Place,
): JwtRequirement[] {
  const at = place.field("requirements");
  return messages.map((message, i) => decodeRequirement(message, providers, at.item(i)));
}

function known(name: string, providers: ReadonlySet<string>, place: Place): void {
  if (!providers.has(name)) place.refuse("is no provider", name, [...providers].join(", "));
}

export function encodeRequirement(requirement: JwtRequirement): RequirementMessage {
  return create(JwtRequirementSchema, { requiresType: typeOf(requirement) });
}

function typeOf(requirement: JwtRequirement) {
  switch (requirement.kind) {
    case "none":
      return { case: undefined };
    case "provider": {
      const { provider: providerName, audiences } = requirement;
      if (audiences.length === 0) return { case: "providerName" as const, value: providerName };
      const value = { providerName, audiences: [...audiences] };
      return { case: "providerAndAudiences" as const, value };
    }
    case "any":
      return {
        case: "requiresAny" as const,
        value: { requirements: requirement.of.map(encodeRequirement) },
      };
    case "all":
      return {
        case: "requiresAll" as const,
        value: { requirements: requirement.of.map(encodeRequirement) },
      };
    case "allowMissing":
      return { case: "allowMissing" as const, value: create(EmptySchema) };
    case "allowMissingOrFailed":
      return { case: "allowMissingOrFailed" as const, value: create(EmptySchema) };
  }
}
