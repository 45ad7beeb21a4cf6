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
  | "truncated"
  | "unexpectedBytes";

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
