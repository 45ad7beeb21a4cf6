import { ID } from "../../../../codec/http/header-name.ts";
import type { HeaderTable } from "../../../../codec/http/header-table.ts";

/** All values of a query's parameter, percent signs decoded, in their order. */
export function parameterValues(query: string, name: string): string[] {
  return query.split("&").flatMap((pair) => {
    const [key, value] = splitPair(pair);
    return decode(key) === name ? [decode(value)] : [];
  });
}

/** The path and query without a parameter; the others stay as they stand. */
export function withoutParameter(path: string, name: string): string {
  const mark = path.indexOf("?");
  if (mark < 0) return path;
  const kept = path
    .slice(mark + 1)
    .split("&")
    .filter((pair) => decode(splitPair(pair)[0]) !== name);
  return kept.length === 0 ? path.slice(0, mark) : `${path.slice(0, mark)}?${kept.join("&")}`;
}

/** All values of a cookie, without quotes around them (RFC 6265 section 5.4). */
export function cookieValues(headers: HeaderTable, name: string): string[] {
  const values: string[] = [];
  for (let at = headers.find(ID.cookie); at >= 0; at = headers.find(ID.cookie, at + 1)) {
    for (const pair of headers.value(at).split(";")) {
      const equals = pair.indexOf("=");
      if (equals >= 0 && pair.slice(0, equals).trimStart() === name) {
        values.push(unquoted(pair.slice(equals + 1)));
      }
    }
  }
  return values;
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf("=");
  return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** What is no escape stays as it is. */
function decode(text: string): string {
  if (!text.includes("%")) return text;
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function unquoted(value: string): string {
  const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  return isQuoted ? value.slice(1, -1) : value;
}
