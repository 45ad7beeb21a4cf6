import { parseIp } from "../../../base/ip-address.ts";
import type { CidrRange } from "../../../model/listener.ts";
import type { Spec } from "../spec.ts";

/** Rules for single values of an AuthorizationPolicy, in Istio's words. */

/** The strings of a list; empty ones are an error, which names the list as Istio does. */
export function readTexts(list: Spec, name: string): readonly string[] {
  for (const item of list.items()) {
    if (item.text() === "") item.refuse(`empty value not allowed, found in ${name}`);
  }
  return list.texts().filter((text) => text !== "");
}

export function readAddresses(list: Spec, name: string): readonly string[] {
  const texts = readTexts(list, name);
  for (const item of list.items()) item.refuse(addressError(item.text() ?? ""), ADDRESSES);
  return texts;
}

const ADDRESSES = "10.1.2.3, 10.1.0.0/16, 2001:db8::1, 2001:db8::/32";

export function addressError(text: string): string | undefined {
  if (text === "" || cidrRange(text) !== undefined) return undefined;
  return text.includes("/") ? `bad CIDR range (${text})` : `bad IP address (${text})`;
}

/** An address or a block; undefined where the text is neither. */
export function cidrRange(text: string): CidrRange | undefined {
  const [address = "", bits, ...more] = text.split("/");
  const bytes = parseIp(address);
  if (bytes === undefined || more.length > 0) return undefined;
  const whole = 8 * bytes.length;
  if (bits === undefined) return { address, prefixLength: whole };
  if (!/^(?:0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > whole) return undefined;
  return { address, prefixLength: Number(bits) };
}

export function readPorts(list: Spec, name: string): readonly number[] {
  const texts = readTexts(list, name);
  for (const item of list.items()) item.refuse(portError(item.text() ?? ""), "0 to 65535");
  return texts.filter((text) => portError(text) === undefined).map(Number);
}

export function portError(text: string): string | undefined {
  if (text === "" || (/^\d+$/.test(text) && Number(text) <= 65_535)) return undefined;
  return `bad port (${text})`;
}

export function readPaths(list: Spec, name: string): readonly string[] {
  const texts = readTexts(list, name);
  for (const item of list.items()) item.refuse(pathError(item.text() ?? "", name), PATHS);
  return texts;
}

const PATHS = "/exact, /prefix*, *suffix, *, /one/{*}/segment, /the/rest/{**}";
const ONE = "{*}";
const REST = "{**}";
/** RFC 3986's `pchar`. */
const LITERAL = /^[-a-zA-Z0-9._~%!$&'()+,;:@=]+$/;

/** True for `/a/{*}/b` and `/a/{**}`, which match by segments. */
export function isPathTemplate(path: string): boolean {
  return path.includes(ONE) || path.includes(REST);
}

export function pathError(path: string, name: string): string | undefined {
  const where = `invalid or unsupported path ${path}, found in ${name}.`;
  const template = isPathTemplate(path);
  let rest = false;
  for (const segment of path.replaceAll(/^\/+|\/+$/g, "").split("/")) {
    if (segment === ONE || segment === REST) {
      if (rest) return `${where} {**} is not the last operator`;
      rest = segment === REST;
    } else if (/[{}]/.test(segment)) {
      return `${where} Contains '{' or '}' beyond a supported path template`;
    } else if (template && !LITERAL.test(segment)) {
      return `${where} Contains segment ${segment} with invalid string literal`;
    }
  }
  return undefined;
}

const ACCOUNT_CHARS_MAX = 320;
const ACCOUNTS_MAX = 16;

/** Each as `namespace/name`: where only a name is written, the policy's own namespace is meant. */
export function readServiceAccounts(list: Spec, name: string): readonly string[] {
  atMost(list, ACCOUNTS_MAX);
  const texts = readTexts(list, name);
  for (const item of list.items()) {
    const text = item.text() ?? "";
    item.refuse(accountError(text, name), "name or namespace/name");
  }
  return texts.map((text) => (text.includes("/") ? text : `${list.namespace}/${text}`));
}

function accountError(text: string, name: string): string | undefined {
  if (text.length > ACCOUNT_CHARS_MAX) {
    return `Too long: may not be more than ${ACCOUNT_CHARS_MAX} characters`;
  }
  if (text.includes("*")) return `wildcards are not supported, found in ${name}`;
  if (text === "") return undefined;
  const [first = "", second, ...more] = text.split("/");
  const whole = first !== "" && second !== "" && more.length === 0;
  return whole ? undefined : `expected format <namespace>/<serviceAccount>, found in ${name}`;
}

/** The API server's bound of a list. */
export function atMost(list: Spec, max: number): void {
  const { length } = list.items();
  if (length > max) list.refuse(`Too many: ${length}: must have at most ${max} items`);
}
