import type { Spec } from "../../spec.ts";
import { regexError } from "../../text-rules.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

/** Istio's rules for CORS, which nobody executes here yet. */
export function checkCors(cors: Spec): void {
  for (const origin of cors.at("allowOrigins").items()) {
    const value = ["exact", "prefix", "regex"].map((kind) => origin.at(kind).text()).find(Boolean);
    if (value === undefined) {
      origin.refuse("'' is not a valid match type for CORS allow origins");
    } else if (origin.at("regex").present) {
      origin.at("regex").refuse(regexError(value, "corsPolicy.allowOrigins"));
    }
  }
  for (const method of cors.at("allowMethods").items()) {
    const name = method.text() ?? "";
    if (name !== "*" && !METHODS.includes(name)) {
      method.refuse(`"${name}" is not a supported HTTP method`, METHODS.join(", "));
    }
  }
  const maxAge = cors.at("maxAge");
  if ((maxAge.durationMs() ?? 0) % 1000 !== 0) {
    maxAge.refuse("max_age duration is accurate only to seconds precision");
  }
}
