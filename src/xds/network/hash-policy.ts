import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RouteAction_HashPolicy_Cookie as CookieMessage,
  RouteAction_HashPolicy as HashPolicyMessage,
  RouteAction_HashPolicySchema,
} from "../../gen/envoy/config/route/v3/route_components_pb.js";
import type { CookieHash, HashPolicy } from "../../model/balance/hash-policy.ts";
import type { Place } from "../check/place.ts";
import { durationMs, toDuration } from "../message/scalar.ts";
import { decodeRegexRewrite, encodeRegexRewrite } from "./regex-rewrite.ts";

type HashPolicyInit = MessageInitShape<typeof RouteAction_HashPolicySchema>;

/** Envoy: route.v3.RouteAction.HashPolicy; kinds that are not executed, the check has refused. */
export function decodeHashPolicies(
  messages: readonly HashPolicyMessage[],
  place: Place,
): HashPolicy[] {
  return messages.flatMap((message, i) => decodeHashPolicy(message, place.item(i)) ?? []);
}

function decodeHashPolicy(
  { policySpecifier: specifier, terminal }: HashPolicyMessage,
  place: Place,
): HashPolicy | undefined {
  switch (specifier.case) {
    case "header": {
      const { headerName, regexRewrite } = specifier.value;
      const at = place.field("header").field("regex_rewrite");
      const rewrite = decodeRegexRewrite(regexRewrite, at);
      return { kind: "header", name: headerName.toLowerCase(), rewrite, terminal };
    }
    case "cookie":
      return decodeCookie(specifier.value, terminal);
    case "connectionProperties":
      // Without source_ip there is nothing of the connection to hash, and Envoy makes no method.
      return specifier.value.sourceIp ? { kind: "sourceIp", terminal } : undefined;
    case "queryParameter":
      return { kind: "queryParameter", name: specifier.value.name, terminal };
    default:
      return undefined;
  }
}

function decodeCookie(message: CookieMessage, terminal: boolean): CookieHash {
  return {
    kind: "cookie",
    name: message.name,
    ttlMs: message.ttl === undefined ? undefined : durationMs(message.ttl),
    path: message.path,
    attributes: message.attributes.map(({ name, value }) => ({ name, value })),
    terminal,
  };
}

export function encodeHashPolicy(policy: HashPolicy): HashPolicyInit {
  const { terminal } = policy;
  switch (policy.kind) {
    case "header": {
      const { name: headerName, rewrite } = policy;
      const regexRewrite =
        rewrite === undefined ? {} : { regexRewrite: encodeRegexRewrite(rewrite) };
      return {
        terminal,
        policySpecifier: { case: "header", value: { headerName, ...regexRewrite } },
      };
    }
    case "cookie": {
      const { name, ttlMs, path, attributes } = policy;
      const ttl = ttlMs === undefined ? {} : { ttl: toDuration(ttlMs) };
      const value = { name, path, ...ttl, attributes: attributes.map((one) => ({ ...one })) };
      return { terminal, policySpecifier: { case: "cookie", value } };
    }
    case "sourceIp":
      return {
        terminal,
        policySpecifier: { case: "connectionProperties", value: { sourceIp: true } },
      };
    case "queryParameter":
      return {
        terminal,
        policySpecifier: { case: "queryParameter", value: { name: policy.name } },
      };
  }
}
