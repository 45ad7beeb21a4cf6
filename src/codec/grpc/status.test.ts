import { expect, it } from "vitest";
import { grpcWebForm, isGrpcContentType } from "./content-type.ts";
import {
  GRPC_STATUS,
  GRPC_STATUS_CAMEL_NAMES,
  GRPC_STATUS_NAMES,
  grpcStatusOfHttp,
  INVALID_GRPC_STATUS,
  parseGrpcStatus,
} from "./status.ts";

it("names every status in both spellings", () => {
  expect(GRPC_STATUS_NAMES).toHaveLength(17);
  expect(GRPC_STATUS_CAMEL_NAMES).toHaveLength(17);
  expect(GRPC_STATUS_NAMES[GRPC_STATUS.RESOURCE_EXHAUSTED]).toBe("RESOURCE_EXHAUSTED");
  expect(GRPC_STATUS_CAMEL_NAMES[GRPC_STATUS.RESOURCE_EXHAUSTED]).toBe("ResourceExhausted");
});

it.each([
  ["0", 0],
  ["14", 14],
  ["16", 16],
  ["17", INVALID_GRPC_STATUS],
  ["", INVALID_GRPC_STATUS],
  ["-1", INVALID_GRPC_STATUS],
  ["1x", INVALID_GRPC_STATUS],
  ["100", INVALID_GRPC_STATUS],
])("reads the status %j as %i", (text, status) => {
  expect(parseGrpcStatus(text)).toBe(status);
});

it.each([
  [200, "UNKNOWN"],
  [400, "INTERNAL"],
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "UNIMPLEMENTED"],
  [408, "UNKNOWN"],
  [429, "UNAVAILABLE"],
  [500, "UNKNOWN"],
  [502, "UNAVAILABLE"],
  [503, "UNAVAILABLE"],
  [504, "UNAVAILABLE"],
])("takes the HTTP status %i for %s", (code, name) => {
  expect(GRPC_STATUS_NAMES[grpcStatusOfHttp(code)]).toBe(name);
});

it.each([
  ["application/grpc", true],
  ["application/grpc+proto", true],
  ["application/grpc+json", true],
  ["application/grpc;charset=utf-8", false],
  ["application/grpc-web", false],
  ["application/grpcx", false],
  ["application/json", false],
  ["", false],
])("is %j gRPC: %j", (value, grpc) => {
  expect(isGrpcContentType(value)).toBe(grpc);
});

it.each([
  ["application/grpc-web", "binary"],
  ["application/grpc-web+proto", "binary"],
  ["application/grpc-web-text", "text"],
  ["application/grpc-web-text+proto", "text"],
  ["application/grpc-web+json", "none"],
  ["application/grpc", "none"],
])("the gRPC-Web of %j is %s", (value, form) => {
  expect(grpcWebForm(value)).toBe(form);
});
