import type { FieldTable } from "./field.ts";
import { executed, mapOf, object, oneOf, STRING } from "./field.ts";

const MUTUAL_TLS = object({
  mode: executed(oneOf("UNSET", "DISABLE", "PERMISSIVE", "STRICT")),
});

/** istio/api security/v1/peer_authentication.proto. */
export const PEER_AUTHENTICATION: FieldTable = {
  selector: executed(object({ matchLabels: executed(mapOf(STRING)) })),
  mtls: executed(MUTUAL_TLS),
  portLevelMtls: executed(mapOf(MUTUAL_TLS)),
};
