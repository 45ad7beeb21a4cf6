import { create } from "@bufbuild/protobuf";
import {
  type TypedExtensionConfig,
  TypedExtensionConfigSchema,
} from "../../gen/envoy/config/core/v3/extension_pb.js";
import { SPIFFECertValidatorConfigSchema } from "../../gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.js";
import type { TrustDomain } from "../../model/transport/tls.ts";
import type { Place } from "../check/place.ts";
import { pack, typeNameOf, unpack } from "../message/any.ts";
import { decodeSource, encodeSource } from "./data-source.ts";

const NAME = "envoy.tls.cert_validator.spiffe";

/** Envoy's SPIFFE validator; undefined where the extension is another, which is refused. */
export function decodeTrustDomains(
  { typedConfig }: TypedExtensionConfig,
  place: Place,
): readonly TrustDomain[] | undefined {
  const at = place.field("typed_config");
  const message = unpack(typedConfig, SPIFFECertValidatorConfigSchema);
  if (message === undefined) {
    const found = typedConfig === undefined ? undefined : typeNameOf(typedConfig.typeUrl);
    at.refuse("is no validator that is executed", found, SPIFFECertValidatorConfigSchema.typeName);
    return undefined;
  }
  const names = new Set<string>();
  return message.trustDomains.flatMap(({ name, trustBundle }, i) => {
    const domain = at.field("trust_domains").item(i);
    if (names.has(name)) domain.field("name").refuse("stands twice", name);
    names.add(name);
    if (trustBundle !== undefined) return [{ name, bundle: decodeSource(trustBundle) }];
    domain.field("trust_bundle").refuse("is missing");
    return [];
  });
}

export function encodeTrustDomains(domains: readonly TrustDomain[]): TypedExtensionConfig {
  const message = create(SPIFFECertValidatorConfigSchema, {
    trustDomains: domains.map(({ name, bundle }) => ({ name, trustBundle: encodeSource(bundle) })),
  });
  return create(TypedExtensionConfigSchema, {
    name: NAME,
    typedConfig: pack(SPIFFECertValidatorConfigSchema, message),
  });
}
