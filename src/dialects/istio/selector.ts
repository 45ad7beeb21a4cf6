import type { Labels } from "../../model/mesh.ts";
import type { Spec } from "./spec.ts";

/**
 * The labels that workloads must carry; undefined where no selector is written. An empty one
 * selects every workload of the namespace, which is a warning.
 */
export function readSelector(
  selector: Spec,
  field: "labels" | "matchLabels",
  kind = "",
): Labels | undefined {
  if (!selector.present) return undefined;
  const labels = selector.at(field);
  for (const [key, value] of labels.entries()) {
    const text = value.text() ?? "";
    if (key === "") value.refuse(`empty key is not supported in selector: "${key}=${text}"`);
    if (key.includes("*") || text.includes("*")) {
      value.refuse(`wildcard is not supported in selector: "${key}=${text}"`);
    }
  }
  if (labels.entries().length === 0) {
    const which = kind === "" ? "" : `${kind}: `;
    const effect = kind === "" ? "" : ", will be applied to all services in namespace";
    selector.doubt(`${which}workload selector specified without labels${effect}`);
  }
  return labels.labels() ?? {};
}
