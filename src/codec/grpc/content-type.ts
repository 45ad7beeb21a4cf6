// hot path: no allocation per request

const GRPC = "application/grpc";
const PLUS = 0x2b;

/** How gRPC-Web carries messages (grpc: doc/PROTOCOL-WEB.md); `none` is no gRPC-Web at all. */
export type GrpcWebForm = "none" | "binary" | "text";

/** `application/grpc` and `application/grpc+proto`, but not `application/grpc-web`. */
export function isGrpcContentType(value: string): boolean {
  if (!value.startsWith(GRPC)) return false;
  return value.length === GRPC.length || value.charCodeAt(GRPC.length) === PLUS;
}

/** Which gRPC-Web a content type names; only protobuf messages, as in Envoy. */
export function grpcWebForm(value: string): GrpcWebForm {
  switch (value) {
    case "application/grpc-web":
    case "application/grpc-web+proto":
      return "binary";
    case "application/grpc-web-text":
    case "application/grpc-web-text+proto":
      return "text";
    default:
      return "none";
  }
}
