// hot path: no allocation per request
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { CookieAttribute } from "../../model/balance/hash-policy.ts";

/**
 * The value of the first cookie of that name, without the quotes around it; empty where there is
 * none (Envoy: Utility::parseCookieValue).
 */
export function cookieOf(headers: HeaderTable, name: string): string {
  for (let i = headers.find(ID.cookie); i >= 0; i = headers.find(ID.cookie, i + 1)) {
    const text = headers.value(i);
    for (let start = 0; start < text.length; ) {
      const semicolon = text.indexOf(";", start);
      const end = semicolon < 0 ? text.length : semicolon;
      const value = valueIn(text, start, end, name);
      if (value !== undefined) return value;
      start = end + 1;
    }
  }
  return "";
}

/** `name=value` between the two, after blanks. */
function valueIn(text: string, start: number, end: number, name: string): string | undefined {
  let at = start;
  while (at < end && text.charCodeAt(at) === 0x20) at++;
  const equals = at + name.length;
  if (equals >= end || text.charCodeAt(equals) !== 0x3d) return undefined;
  if (!text.startsWith(name, at)) return undefined;
  const from = equals + 1;
  const isQuoted =
    end - from >= 2 && text.charCodeAt(from) === 0x22 && text.charCodeAt(end - 1) === 0x22;
  return isQuoted ? text.slice(from + 1, end - 1) : text.slice(from, end);
}

/** How a cookie that we set is written. */
export interface CookieForm {
  readonly name: string;
  /** Whole seconds; 0: for the browser's session. */
  readonly maxAgeS: number;
  /** Empty: none. */
  readonly path: string;
  readonly attributes: readonly CookieAttribute[];
}

/** Envoy: Utility::makeSetCookieValue; no script of the page may read it. */
export function setCookie(form: CookieForm, value: string): string {
  let text = `${form.name}="${value}"`;
  if (form.maxAgeS > 0) text += `; Max-Age=${form.maxAgeS}`;
  if (form.path !== "") text += `; Path=${form.path}`;
  for (let i = 0; i < form.attributes.length; i++) {
    const { name, value: said } = form.attributes[i] as CookieAttribute;
    text += said === "" ? `; ${name}` : `; ${name}=${said}`;
  }
  return `${text}; HttpOnly`;
}
