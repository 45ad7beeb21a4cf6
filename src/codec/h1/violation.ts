/** What is wrong with a message. The word is the code; tests, logs and documentation share it. */
export type Violation =
  | "none"
  | "badMethod"
  | "badTarget"
  | "badVersion"
  | "unsupportedVersion"
  | "badStatusLine"
  | "badHeaderName"
  | "badHeaderValue"
  | "badLineEnd"
  | "obsoleteFold"
  | "headTooLarge"
  | "targetTooLong"
  | "tooManyHeaders"
  | "missingHost"
  | "duplicateHost"
  | "badHost"
  | "badContentLength"
  | "duplicateContentLength"
  | "contentLengthAndTransferEncoding"
  | "badTransferEncoding"
  | "unsupportedTransferEncoding"
  | "ambiguousHeaderName"
  | "badConnection"
  | "badUpgrade"
  | "badExpect"
  | "badChunkSize"
  | "badChunkExtension"
  | "chunkExtensionTooLarge"
  | "badChunkEnd"
  | "badTrailer"
  | "trailersTooLarge"
  | "truncated";

/** The rule that each breaks. docs/strictness.md says more; a test holds the two together. */
export const RULES: Readonly<Record<Violation, string>> = {
  none: "",
  badMethod: "RFC 9110 section 9.1",
  badTarget: "RFC 9112 section 3.2",
  badVersion: "RFC 9112 section 2.3",
  unsupportedVersion: "RFC 9110 section 15.6.6",
  badStatusLine: "RFC 9112 section 4",
  badHeaderName: "RFC 9112 section 5.1",
  badHeaderValue: "RFC 9110 section 5.5",
  badLineEnd: "RFC 9112 section 2.2",
  obsoleteFold: "RFC 9112 section 5.2",
  headTooLarge: "RFC 6585 section 5",
  targetTooLong: "RFC 9110 section 15.5.15",
  tooManyHeaders: "RFC 6585 section 5",
  missingHost: "RFC 9112 section 3.2",
  duplicateHost: "RFC 9112 section 3.2",
  badHost: "RFC 9110 section 7.2",
  badContentLength: "RFC 9110 section 8.6",
  duplicateContentLength: "RFC 9112 section 6.3",
  contentLengthAndTransferEncoding: "RFC 9112 section 6.1",
  badTransferEncoding: "RFC 9112 section 6.3",
  unsupportedTransferEncoding: "RFC 9112 section 6.1",
  ambiguousHeaderName: "RFC 9112 section 11.2",
  badConnection: "RFC 9110 section 7.6.1",
  badUpgrade: "RFC 9110 section 7.8",
  badExpect: "RFC 9110 section 10.1.1",
  badChunkSize: "RFC 9112 section 7.1",
  badChunkExtension: "RFC 9112 section 7.1.1",
  chunkExtensionTooLarge: "RFC 9112 section 7.1.1",
  badChunkEnd: "RFC 9112 section 7.1",
  badTrailer: "RFC 9112 section 7.1.2",
  trailersTooLarge: "RFC 6585 section 5",
  truncated: "RFC 9112 section 8",
};

/** The status that answers a request with this violation (RFC 9110 section 15, RFC 6585). */
export function statusOf(violation: Violation): number {
  switch (violation) {
    case "headTooLarge":
    case "tooManyHeaders":
      return 431;
    case "targetTooLong":
      return 414;
    case "unsupportedVersion":
      return 505;
    case "unsupportedTransferEncoding":
      return 501;
    case "badExpect":
      return 417;
    default:
      return 400;
  }
}
