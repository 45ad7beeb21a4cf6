import { create } from "@bufbuild/protobuf";
import {
  type HealthCheck_Payload as Payload,
  HealthCheck_PayloadSchema as PayloadSchema,
} from "../../gen/envoy/config/core/v3/health_check_pb.js";
import type { Place } from "../check/place.ts";

const HEX = /^(?:[0-9a-fA-F]{2})+$/;

/** core.v3.HealthCheck.Payload as lower-case hex. */
export function decodePayload({ payload }: Payload, place: Place): string {
  if (payload.case === "binary") return Buffer.from(payload.value).toString("hex");
  const text = payload.case === "text" ? payload.value : "";
  if (!HEX.test(text)) place.field("text").refuse("is no hex", text, "pairs of 0-9 and a-f");
  return text.toLowerCase();
}

export function encodePayload(hex: string): Payload {
  return create(PayloadSchema, { payload: { case: "text", value: hex } });
}
