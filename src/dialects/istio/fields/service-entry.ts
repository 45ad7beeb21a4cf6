import { SELECTOR_LABELS, WORKLOAD_ENTRY } from "./common.ts";
import type { FieldTable } from "./field.ts";
import { executed, listOf, object, oneOf, required, STRING, UNSIGNED } from "./field.ts";

export const SERVICE_ENTRY: FieldTable = {
  hosts: required(listOf(STRING)),
  addresses: executed(listOf(STRING)),
  ports: executed(
    listOf(
      object({
        number: required(UNSIGNED),
        name: required(STRING),
        protocol: executed(STRING),
        targetPort: executed(UNSIGNED),
      }),
    ),
  ),
  location: executed(oneOf("MESH_EXTERNAL", "MESH_INTERNAL")),
  resolution: executed(
    oneOf("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
    "`DYNAMIC_DNS` is refused (OUT0202)",
  ),
  endpoints: executed(listOf(object(WORKLOAD_ENTRY))),
  workloadSelector: executed(SELECTOR_LABELS),
  exportTo: executed(listOf(STRING)),
  subjectAltNames: executed(listOf(STRING)),
};
