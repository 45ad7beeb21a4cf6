import { create, type JsonObject } from "@bufbuild/protobuf";
import { type Node as NodeMessage, NodeSchema } from "../../gen/envoy/config/core/v3/base_pb.js";
import type { Node } from "../../model/bootstrap.ts";

/** core.v3.Node: who a proxy is. */
export function decodeNode(message: NodeMessage): Node {
  return {
    id: message.id,
    cluster: message.cluster,
    metadata: message.metadata ?? {},
    userAgentName: message.userAgentName,
  };
}

export function encodeNode(node: Node): NodeMessage {
  return create(NodeSchema, {
    id: node.id,
    cluster: node.cluster,
    // Metadata came from YAML or JSON, so it is JSON.
    metadata: node.metadata as JsonObject,
    userAgentName: node.userAgentName,
  });
}
