/**
 * Path normalisation as Envoy does it (`normalize_path`, `merge_slashes`; RFC 3986 section 6): the
 * result is what is matched, logged and forwarded alike.
 */

const UNRESERVED = /[A-Za-z0-9\-._~]/;
const NEEDS_WORK = /%|\\|\/\.|\/\//;

/** The path (with its query untouched) in normal form; undefined where it is malformed. */
export function normalizePath(
  path: string,
  normalize: boolean,
  mergeSlashes: boolean,
): string | undefined {
  if (!normalize && !mergeSlashes) return path;
  if (!NEEDS_WORK.test(path) || path.charCodeAt(0) !== 0x2f) return path;
  const query = path.indexOf("?");
  const rest = query < 0 ? "" : path.slice(query);
  let pathname = query < 0 ? path : path.slice(0, query);
  if (normalize) {
    if (/%00/.test(pathname)) return undefined;
    pathname = removeDotSegments(decodeUnreserved(pathname).replaceAll("\\", "/"));
  }
  if (mergeSlashes) pathname = pathname.replaceAll(/\/{2,}/g, "/");
  return pathname + rest;
}

/** `%41` is `A`, `%2e` is `.`; any other escape stays as it is (RFC 3986 section 6.2.2.2). */
function decodeUnreserved(path: string): string {
  return path.replaceAll(/%([0-9A-Fa-f]{2})/g, (found: string, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : found;
  });
}

/** RFC 3986 section 5.2.4; what climbs above the root stays at the root. */
function removeDotSegments(path: string): string {
  const output: string[] = [];
  const segments = path.split("/").slice(1);
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (segment === "..") output.pop();
    else if (segment !== ".") output.push(segment);
    if (last && (segment === "." || segment === "..")) output.push("");
  });
  return `/${output.join("/")}`;
}
