import type { CorsPolicy } from "../../../../model/filter/cors.ts";
import type { StringMatch } from "../../../../model/route.ts";
import type { Spec } from "../../spec.ts";
import { readStringMatch } from "../../string-match.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

/** `corsPolicy`, as Istio makes Envoy's filter of it. */
export function readCors(cors: Spec): CorsPolicy | undefined {
  if (!cors.present) return undefined;
  checkMethods(cors.at("allowMethods"));
  const maxAge = cors.at("maxAge");
  const maxAgeMs = maxAge.durationMs();
  if ((maxAgeMs ?? 0) % 1000 !== 0) {
    maxAge.refuse("max_age duration is accurate only to seconds precision");
  }
  return {
    allowOrigins: readOrigins(cors),
    allowMethods: cors.at("allowMethods").texts().join(","),
    allowHeaders: cors.at("allowHeaders").texts().join(","),
    exposeHeaders: cors.at("exposeHeaders").texts().join(","),
    maxAge: maxAgeMs === undefined ? "" : String(maxAgeMs / 1000),
    allowCredentials: cors.at("allowCredentials").flag(),
    allowPrivateNetworkAccess: undefined,
    forwardNotMatchingPreflights: cors.at("unmatchedPreflights").text() !== "IGNORE",
    enabled: undefined,
    shadowEnabled: undefined,
  };
}

/** The deprecated `allowOrigin` counts where there is nothing newer. */
function readOrigins(cors: Spec): readonly StringMatch[] {
  const origins = cors.at("allowOrigins").items();
  if (origins.length === 0) {
    const older = cors.at("allowOrigin").texts();
    return older.map((value) => ({ kind: "exact", value, ignoreCase: false }));
  }
  return origins.flatMap((origin) => {
    const match = readStringMatch(origin, "corsPolicy.allowOrigins");
    if (match !== undefined && match.value !== "") return match;
    origin.refuse("'' is not a valid match type for CORS allow origins");
    return [];
  });
}

function checkMethods(methods: Spec): void {
  for (const method of methods.items()) {
    const name = method.text() ?? "";
    if (name !== "*" && !METHODS.includes(name)) {
      method.refuse(`"${name}" is not a supported HTTP method`, METHODS.join(", "));
    }
  }
}
