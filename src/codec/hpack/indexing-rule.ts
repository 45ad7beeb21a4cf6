import { ID } from "../http/header-name.ts";
import { FIELD_NAMES } from "./field-id.ts";

/**
 * What the encoder does with values of a name.
 *
 * - `ADAPTIVE`: a value is added to the table when it comes a second time. Paths of gRPC methods,
 *   authorities, user agents and dates then travel as an index; values that never repeat stay out
 *   without anybody listing their names.
 * - `LITERAL`: values that (almost) never repeat, so that looking for them is not worth its time.
 * - `SECRET`: never indexed (RFC 7541 section 7.1.3), here or at later hops.
 * - `COOKIE`: as `SECRET` where it is short enough to be guessed, else as `LITERAL`.
 */
export const ADAPTIVE = 0;
export const LITERAL = 1;
export const SECRET = 2;
export const COOKIE = 3;

/** A cookie of fewer characters has too little entropy to be compressed beside foreign text. */
export const COOKIE_LENGTH_SAFE = 20;

/** Rules by the ids of field-id.ts. */
export const RULES: Uint8Array = rules();

/** The rule for a name that has no id. */
export function ruleOf(name: string): number {
  return name === "proxy-authorization" ? SECRET : ADAPTIVE;
}

function rules(): Uint8Array {
  const byId = new Uint8Array(FIELD_NAMES.length);
  byId[ID["x-request-id"]] = LITERAL;
  byId[ID["content-length"]] = LITERAL;
  byId[ID["x-envoy-upstream-service-time"]] = LITERAL;
  byId[ID["set-cookie"]] = LITERAL;
  byId[ID.authorization] = SECRET;
  byId[ID.cookie] = COOKIE;
  return byId;
}
