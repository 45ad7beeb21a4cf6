import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type TlsCertificate as CertificateMessage,
  type TlsParameters,
  TlsParametersSchema,
  TlsParameters_TlsProtocol as Version,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type CommonTlsContext,
  CommonTlsContextSchema,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type {
  TlsCertificate,
  TlsContext,
  TlsValidation,
  TlsVersion,
} from "../../model/transport/tls.ts";
import type { Place } from "../check/place.ts";
import { keyOf } from "../message/scalar.ts";
import { decodeSource, encodeSource } from "./data-source.ts";
import { decodeValidation, encodeValidation } from "./validation.ts";

const VERSIONS: Readonly<Record<TlsVersion, Version>> = {
  "TLSv1.2": Version.TLSv1_2,
  "TLSv1.3": Version.TLSv1_3,
};

/** ALPN names are at most so long on the wire (RFC 7301 section 3.1). */
const ALPN_BYTES_MAX = 255;

/**
 * transport_sockets.tls.v3.CommonTlsContext.
 *
 * @param maxVersion What holds where the file does not say: Envoy's defaults differ by side.
 */
export function decodeCommon(
  message: CommonTlsContext | undefined,
  maxVersion: TlsVersion,
  place: Place,
): TlsContext {
  const certificates = place.field("tls_certificates");
  const alpn = place.field("alpn_protocols");
  return {
    certificates: (message?.tlsCertificates ?? []).flatMap(
      (certificate, i) => decodeCertificate(certificate, certificates.item(i)) ?? [],
    ),
    validation: decodeWhom(message, place),
    alpnProtocols: (message?.alpnProtocols ?? []).map((name, i) => decodeAlpn(name, alpn.item(i))),
    ...decodeParameters(message?.tlsParams, maxVersion, place.field("tls_params")),
  };
}

function decodeCertificate(message: CertificateMessage, place: Place): TlsCertificate | undefined {
  const { certificateChain, privateKey } = message;
  if (certificateChain === undefined) place.field("certificate_chain").refuse("is missing");
  if (privateKey === undefined) place.field("private_key").refuse("is missing");
  if (certificateChain === undefined || privateKey === undefined) return undefined;
  return {
    certificateChain: decodeSource(certificateChain),
    privateKey: decodeSource(privateKey),
  };
}

/** Contexts that come by SDS were refused by the check. */
function decodeWhom(
  message: CommonTlsContext | undefined,
  place: Place,
): TlsValidation | undefined {
  const whom = message?.validationContextType;
  if (whom?.case !== "validationContext") return undefined;
  return decodeValidation(whom.value, place.field("validation_context"));
}

function decodeAlpn(name: string, place: Place): string {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > ALPN_BYTES_MAX || name.includes(",")) {
    place.refuse("is no ALPN protocol", name, "one name of 1 to 255 bytes, such as h2");
  }
  return name;
}

type Parameters = Pick<TlsContext, "minVersion" | "maxVersion" | "cipherSuites" | "ecdhCurves">;

function decodeParameters(
  message: TlsParameters | undefined,
  defaultMax: TlsVersion,
  place: Place,
): Parameters {
  const minimum = message?.tlsMinimumProtocolVersion ?? Version.TLS_AUTO;
  const maximum = message?.tlsMaximumProtocolVersion ?? Version.TLS_AUTO;
  const minVersion = keyOf(VERSIONS, minimum) ?? "TLSv1.2";
  const maxVersion = keyOf(VERSIONS, maximum) ?? defaultMax;
  if (minVersion > maxVersion) {
    const at = place.field("tls_maximum_protocol_version");
    at.refuse("lies below the minimum: no handshake could succeed", maxVersion, minVersion);
  }
  const ciphers = place.field("cipher_suites");
  return {
    minVersion,
    maxVersion,
    cipherSuites: (message?.cipherSuites ?? []).map((name, i) => {
      refuseGroup(name, ciphers.item(i));
      return name;
    }),
    ecdhCurves: message?.ecdhCurves ?? [],
  };
}

/** BoringSSL alone has groups of equal preference, `[A|B]`, and prefixes such as `-ALL`. */
function refuseGroup(name: string, place: Place): void {
  if (/^[A-Za-z0-9-]+$/.test(name) && !name.startsWith("-")) return;
  place.refuse("is no single cipher suite", name, "one of OpenSSL's names");
}

export function encodeCommon(context: TlsContext): CommonTlsContext {
  const { validation } = context;
  const init: MessageInitShape<typeof CommonTlsContextSchema> = {
    tlsCertificates: context.certificates.map(({ certificateChain, privateKey }) => ({
      certificateChain: encodeSource(certificateChain),
      privateKey: encodeSource(privateKey),
    })),
    alpnProtocols: [...context.alpnProtocols],
    tlsParams: create(TlsParametersSchema, {
      tlsMinimumProtocolVersion: VERSIONS[context.minVersion],
      tlsMaximumProtocolVersion: VERSIONS[context.maxVersion],
      cipherSuites: [...context.cipherSuites],
      ecdhCurves: [...context.ecdhCurves],
    }),
  };
  if (validation !== undefined) {
    init.validationContextType = {
      case: "validationContext",
      value: encodeValidation(validation),
    };
  }
  return create(CommonTlsContextSchema, init);
}
