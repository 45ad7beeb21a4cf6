/** RFC 9110, 5.1: a field's name is a token. */
export const FIELD_NAME: RegExp = /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/;

/** What `FIELD_NAME` allows, for errors. */
export const FIELD_NAME_WORDS = "letters, digits and !#$%&'*+-.^_`|~";

/** Who writes one of these changes where a message ends, or where it goes. Lower case. */
export const ROUTING_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "transfer-encoding",
  "upgrade",
]);
