/** PKCS #10 (RFC 2986): how somebody proves to an authority which key is theirs. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { pemBlocks, pemOf } from "../der/pem.ts";
import { BIT_STRING, CONTEXT, elementsOf, INTEGER, only, SEQUENCE } from "../der/reader.ts";
import { bitString, element, integer, sequence } from "../der/writer.ts";
import { readPublicKey, spkiOf } from "./public-key.ts";
import { algorithmOf, signatureFault, signWith } from "./signature.ts";

/** Of the PEM. */
export const REQUEST_BYTES_MAX: number = 16 * 1024;

const LABEL = "CERTIFICATE REQUEST";
/** As older programs write it. */
const OLD_LABEL = "NEW CERTIFICATE REQUEST";

/** A request for this key, PEM. It names nobody: an authority knows by other means who asks. */
export function makeCertificateRequest(privateKey: KeyObject): string {
  const info = sequence(
    integer(0),
    sequence(),
    spkiOf(createPublicKey(privateKey)),
    element(CONTEXT),
  );
  const signature = bitString(signWith(privateKey, info));
  return pemOf(LABEL, sequence(info, algorithmOf(privateKey), signature));
}

/**
 * The key that a PEM request proves the possession of. Names, alternative names and extensions in
 * it are not even looked at. Throws a RangeError that says what is wrong.
 */
export function readCertificateRequest(pem: string): KeyObject {
  if (Buffer.byteLength(pem) > REQUEST_BYTES_MAX) {
    throw new RangeError(`the certificate request is longer than ${REQUEST_BYTES_MAX} bytes`);
  }
  const blocks = [...pemBlocks(pem, LABEL), ...pemBlocks(pem, OLD_LABEL)];
  const [der] = blocks;
  if (der === undefined || blocks.length > 1) {
    throw new RangeError(`the certificate request is not one PEM block "${LABEL}"`);
  }
  const { info, algorithm, signature, key } = parts(der);
  const fault = signatureFault(key, { bytes: info, algorithm, signature });
  if (fault === "algorithm") {
    throw new RangeError("the certificate request's signature algorithm is not accepted");
  }
  if (fault !== undefined) {
    throw new RangeError("the certificate request is not signed by its own key");
  }
  return key;
}

interface RequestParts {
  readonly info: Buffer;
  readonly algorithm: Buffer;
  readonly signature: Buffer;
  readonly key: KeyObject;
}

function parts(der: Buffer): RequestParts {
  const outer = elementsOf(der);
  const [info, algorithm, signature, ...more] = elementsOf(only(outer, SEQUENCE));
  const [version, subject, spki] = elementsOf(only([info], SEQUENCE));
  only([version], INTEGER);
  only([subject], SEQUENCE);
  only([spki], SEQUENCE);
  const bits = only([signature], BIT_STRING);
  only([algorithm], SEQUENCE);
  if (outer.length > 1 || more.length > 0 || bits[0] !== 0) {
    throw new RangeError("the certificate request has the wrong form");
  }
  return {
    info: info?.raw ?? Buffer.alloc(0),
    algorithm: algorithm?.raw ?? Buffer.alloc(0),
    signature: bits.subarray(1),
    key: readPublicKey(spki?.raw ?? Buffer.alloc(0)),
  };
}
