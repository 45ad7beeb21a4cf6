import { create } from "@bufbuild/protobuf";
import {
  type Secret as SecretMessage,
  SecretSchema,
} from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Secret } from "../model/transport/secret.ts";
import { NO_VALIDATION } from "../model/transport/tls.ts";
import type { Place } from "./check/place.ts";
import { decodeCertificate, encodeCertificate } from "./tls/common-context.ts";
import { decodeValidation, encodeValidation } from "./tls/validation.ts";

/** transport_sockets.tls.v3.Secret. Kinds that are not executed the check has refused. */
export function decodeSecret({ name, type }: SecretMessage, place: Place): Secret {
  if (name === "") place.field("name").refuse("is empty");
  if (type.case === "tlsCertificate") {
    const certificate = decodeCertificate(type.value, place.field("tls_certificate"));
    if (certificate !== undefined) return { kind: "certificate", name, certificate };
  } else if (type.case === "validationContext") {
    const validation = decodeValidation(type.value, place.field("validation_context"));
    return { kind: "validation", name, validation };
  } else if (type.case === undefined) {
    place.refuse("holds nothing", undefined, "tls_certificate, validation_context");
  }
  return { kind: "validation", name, validation: NO_VALIDATION };
}

export function encodeSecret(secret: Secret): SecretMessage {
  return create(SecretSchema, {
    name: secret.name,
    type:
      secret.kind === "certificate"
        ? { case: "tlsCertificate", value: encodeCertificate(secret.certificate) }
        : { case: "validationContext", value: encodeValidation(secret.validation) },
  });
}
