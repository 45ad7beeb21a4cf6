import type { Diagnostic } from "../../base/diagnostic.ts";
import { publicKeySet } from "../../identity/keys/json-web-key.ts";
import type { Mesh } from "../../model/mesh.ts";
import { subjectOf } from "../../model/origin.ts";

/** OUT0605: rules whose own keys verify nothing, so that all of their tokens are refused. */
export function unusableKeys({ security }: Pick<Mesh, "security">): readonly Diagnostic[] {
  const rules = new Set(security.requestAuthentications.flatMap((policy) => policy.rules));
  return [...rules].flatMap(({ keys, origin }): Diagnostic[] => {
    if (keys.kind !== "inline" || publicKeySet(keys.text) !== undefined) return [];
    return [
      {
        code: "OUT0605",
        severity: "warning",
        message: "No key of this rule verifies tokens, so all of its tokens are refused",
        position: origin.position,
        subject: subjectOf(origin),
        path: `${origin.path}.jwks`,
        hint: "public keys do: RSA of 2048 bits or more, EC and Ed25519; shared secrets do not",
      },
    ];
  });
}
