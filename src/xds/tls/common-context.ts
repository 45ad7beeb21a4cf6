import { create } from "@bufbuild/protobuf";
import {
  type TlsCertificate as CertificateMessage,
  TlsCertificateSchema,
  type TlsParameters,
  TlsParametersSchema,
  TlsParameters_TlsProtocol as Version,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type CommonTlsContext_CombinedCertificateValidationContext as CombinedMessage,
  CommonTlsContext_CombinedCertificateValidationContextSchema as CombinedSchema,
  type CommonTlsContext,
  CommonTlsContextSchema,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { TlsCertificate, TlsContext, TlsVersion } from "../../model/transport/tls.ts";
import type { Place } from "../check/place.ts";
import { keyOf } from "../message/scalar.ts";
import { decodeSource, encodeSource } from "./data-source.ts";
import { decodeSecretRef, encodeSecretRef } from "./secret-ref.ts";
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
  const secrets = place.field("tls_certificate_sds_secret_configs");
  const alpn = place.field("alpn_protocols");
  const asked = message?.tlsCertificateSdsSecretConfigs ?? [];
  const given = message?.tlsCertificates ?? [];
  if (asked.length > 0 && given.length > 0) {
    secrets.refuse("stand beside tls_certificates", asked.length, "one or the other");
  }
  return {
    certificates: given.flatMap(
      (certificate, i) => decodeCertificate(certificate, certificates.item(i)) ?? [],
    ),
    ...(asked.length === 0
      ? {}
      : { certificateSecrets: asked.map((one, i) => decodeSecretRef(one, secrets.item(i))) }),
    ...decodeWhom(message, place),
    alpnProtocols: (message?.alpnProtocols ?? []).map((name, i) => decodeAlpn(name, alpn.item(i))),
    ...decodeParameters(message?.tlsParams, maxVersion, place.field("tls_params")),
  };
}

/** Undefined where a half is missing, which is refused. */
export function decodeCertificate(
  message: CertificateMessage,
  place: Place,
): TlsCertificate | undefined {
  const { certificateChain, privateKey } = message;
  if (certificateChain === undefined) place.field("certificate_chain").refuse("is missing");
  if (privateKey === undefined) place.field("private_key").refuse("is missing");
  if (certificateChain === undefined || privateKey === undefined) return undefined;
  return {
    certificateChain: decodeSource(certificateChain),
    privateKey: decodeSource(privateKey),
  };
}

type Whom = Pick<TlsContext, "validation" | "validationSecret">;

/** Contexts that come by plug-ins were refused by the check. */
function decodeWhom(message: CommonTlsContext | undefined, place: Place): Whom {
  const whom = message?.validationContextType;
  switch (whom?.case) {
    case "validationContext":
      return { validation: decodeValidation(whom.value, place.field("validation_context")) };
    case "validationContextSdsSecretConfig": {
      const at = place.field("validation_context_sds_secret_config");
      return { validation: undefined, validationSecret: decodeSecretRef(whom.value, at) };
    }
    case "combinedValidationContext":
      return decodeCombined(whom.value, place.field("combined_validation_context"));
    default:
      return { validation: undefined };
  }
}

/** Envoy demands both halves. */
function decodeCombined(message: CombinedMessage, place: Place): Whom {
  const { defaultValidationContext: usual, validationContextSdsSecretConfig: asked } = message;
  if (usual === undefined || asked === undefined) return { validation: undefined };
  const at = place.field("validation_context_sds_secret_config");
  return {
    validation: decodeValidation(usual, place.field("default_validation_context"), false),
    validationSecret: decodeSecretRef(asked, at),
  };
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
  return create(CommonTlsContextSchema, {
    tlsCertificates: context.certificates.map(encodeCertificate),
    tlsCertificateSdsSecretConfigs: (context.certificateSecrets ?? []).map(encodeSecretRef),
    validationContextType: encodeWhom(context),
    alpnProtocols: [...context.alpnProtocols],
    tlsParams: create(TlsParametersSchema, {
      tlsMinimumProtocolVersion: VERSIONS[context.minVersion],
      tlsMaximumProtocolVersion: VERSIONS[context.maxVersion],
      cipherSuites: [...context.cipherSuites],
      ecdhCurves: [...context.ecdhCurves],
    }),
  });
}

export function encodeCertificate({
  certificateChain,
  privateKey,
}: TlsCertificate): CertificateMessage {
  return create(TlsCertificateSchema, {
    certificateChain: encodeSource(certificateChain),
    privateKey: encodeSource(privateKey),
  });
}

function encodeWhom({
  validation,
  validationSecret,
}: Whom): CommonTlsContext["validationContextType"] {
  if (validationSecret === undefined) {
    if (validation === undefined) return { case: undefined };
    return { case: "validationContext", value: encodeValidation(validation) };
  }
  const asked = encodeSecretRef(validationSecret);
  if (validation === undefined) return { case: "validationContextSdsSecretConfig", value: asked };
  const value = create(CombinedSchema, {
    defaultValidationContext: encodeValidation(validation),
    validationContextSdsSecretConfig: asked,
  });
  return { case: "combinedValidationContext", value };
}
