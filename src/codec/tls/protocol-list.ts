/** ALPN's names as they stand in a hello (RFC 7301 section 3.1): each behind its length. */

const NAME_BYTES_MAX = 255;

/** Throws a RangeError for a name that cannot be sent. */
export function protocolList(names: readonly string[]): Buffer {
  const parts = names.map((name) => {
    const bytes = Buffer.from(name, "latin1");
    if (bytes.length === 0 || bytes.length > NAME_BYTES_MAX) {
      throw new RangeError(`ALPN protocol ${JSON.stringify(name)}`);
    }
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  return Buffer.concat(parts);
}
