import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type HttpConnectionManagerSchema,
  type HttpConnectionManager as ManagerMessage,
  HttpConnectionManager_ForwardClientCertDetails as Mode,
} from "../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpConnectionManager } from "../../model/listener.ts";
import type { ForwardClientCertMode } from "../../model/transport/client-certificate.ts";
import { keyOf } from "../message/scalar.ts";

const MODES: Readonly<Record<ForwardClientCertMode, Mode>> = {
  sanitize: Mode.SANITIZE,
  forwardOnly: Mode.FORWARD_ONLY,
  appendForward: Mode.APPEND_FORWARD,
  sanitizeSet: Mode.SANITIZE_SET,
  alwaysForwardOnly: Mode.ALWAYS_FORWARD_ONLY,
};

type ForwardClientCert = Pick<HttpConnectionManager, "forwardClientCert">;

/** `forward_client_cert_details` and `set_current_client_cert_details`; nothing by default. */
export function decodeForwardClientCert(message: ManagerMessage): ForwardClientCert {
  const { forwardClientCertDetails, setCurrentClientCertDetails: details } = message;
  const mode = keyOf(MODES, forwardClientCertDetails) ?? "sanitize";
  if (mode === "sanitize" && details === undefined) return {};
  return {
    forwardClientCert: {
      mode,
      details: {
        subject: details?.subject ?? false,
        cert: details?.cert ?? false,
        chain: details?.chain ?? false,
        dns: details?.dns ?? false,
        uri: details?.uri ?? false,
      },
    },
  };
}

type Told = Pick<
  MessageInitShape<typeof HttpConnectionManagerSchema>,
  "forwardClientCertDetails" | "setCurrentClientCertDetails"
>;

export function encodeForwardClientCert({ forwardClientCert }: ForwardClientCert): Told {
  if (forwardClientCert === undefined) return {};
  const { details, mode } = forwardClientCert;
  return {
    forwardClientCertDetails: MODES[mode],
    setCurrentClientCertDetails: { ...details },
  };
}
