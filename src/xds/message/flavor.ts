import type { Node } from "../../model/bootstrap.ts";

/** Who reads the encoding: a real Envoy gets none of our own extensions. */
export type EncodeFor = "outrigger" | "envoy";

export function encodeFor(node: Node): EncodeFor {
  return node.userAgentName === "outrigger" ? "outrigger" : "envoy";
}
