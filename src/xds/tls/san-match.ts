import { create } from "@bufbuild/protobuf";
import {
  type CertificateValidationContext,
  SubjectAltNameMatcher_SanType as SanType,
  type SubjectAltNameMatcher,
  SubjectAltNameMatcherSchema,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { SanKind, SanMatcher } from "../../model/transport/tls.ts";
import type { Place } from "../check/place.ts";
import { keyOf } from "../message/scalar.ts";
import { decodeStringMatch, encodeStringMatch } from "../message/string-match.ts";

/** In the order in which Envoy spells out a matcher that names no kind. */
const SAN_TYPES: Readonly<Record<SanKind, SanType>> = {
  dns: SanType.DNS,
  uri: SanType.URI,
  email: SanType.EMAIL,
  ip: SanType.IP_ADDRESS,
};

/** The deprecated, untyped list counts only where the typed one is empty, as in Envoy. */
export function decodeSans(message: CertificateValidationContext, place: Place): SanMatcher[] {
  const { matchTypedSubjectAltNames: typed, matchSubjectAltNames: untyped } = message;
  if (typed.length > 0) {
    const items = place.field("match_typed_subject_alt_names");
    return typed.flatMap((matcher, i) => decodeTyped(matcher, items.item(i)) ?? []);
  }
  const items = place.field("match_subject_alt_names");
  return untyped.flatMap((matcher, i) => {
    const match = decodeStringMatch(matcher, items.item(i));
    if (match === undefined) return [];
    return (Object.keys(SAN_TYPES) as SanKind[]).map((san) => ({ san, match }));
  });
}

function decodeTyped(message: SubjectAltNameMatcher, place: Place): SanMatcher | undefined {
  const san = keyOf(SAN_TYPES, message.sanType);
  const { matcher } = message;
  if (san === undefined) {
    const found = SanType[message.sanType];
    place.field("san_type").refuse("is not executed", found, "DNS, URI, EMAIL, IP_ADDRESS");
    return undefined;
  }
  const match =
    matcher === undefined ? undefined : decodeStringMatch(matcher, place.field("matcher"));
  return match === undefined ? undefined : { san, match };
}

export function encodeSan({ san, match }: SanMatcher): SubjectAltNameMatcher {
  return create(SubjectAltNameMatcherSchema, {
    sanType: SAN_TYPES[san],
    matcher: encodeStringMatch(match),
  });
}
