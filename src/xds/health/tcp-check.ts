import { create } from "@bufbuild/protobuf";
import {
  type HealthCheck_TcpHealthCheck as TcpCheckMessage,
  HealthCheck_TcpHealthCheckSchema as TcpCheckSchema,
} from "../../gen/envoy/config/core/v3/health_check_pb.js";
import type { HealthCheckRhythm, TcpHealthCheck } from "../../model/upstream/health-check.ts";
import type { Place } from "../check/place.ts";
import { decodePayload, encodePayload } from "./payload.ts";

export function decodeTcpCheck(
  message: TcpCheckMessage,
  rhythm: HealthCheckRhythm,
  place: Place,
): TcpHealthCheck {
  const receive = place.field("receive");
  return {
    ...rhythm,
    kind: "tcp",
    send: message.send === undefined ? "" : decodePayload(message.send, place.field("send")),
    receive: message.receive.map((payload, i) => decodePayload(payload, receive.item(i))),
  };
}

export function encodeTcpCheck({ send, receive }: TcpHealthCheck): TcpCheckMessage {
  const message = create(TcpCheckSchema, { receive: receive.map(encodePayload) });
  if (send !== "") message.send = encodePayload(send);
  return message;
}
