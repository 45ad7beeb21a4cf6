/**
 * Host names as Istio writes, completes and compares them (pkg/config/host, validation rules of
 * RFC 1123 labels with a wildcard in the left-most one).
 */

const LABEL = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
const WILDCARD_LABEL = /^(?:\*|(?:\*|\*-)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)$/;

/**
 * A short name belongs to the namespace of the rule that names it, not to the client's. Any
 * name with a dot is taken as it stands: `reviews.default` is not completed, as in Istio.
 */
export function resolveHost(host: string, namespace: string, clusterDomain: string): string {
  if (host === "" || host === "*" || host.includes(".") || isAddress(host)) return host;
  return `${host}.${namespace}.svc.${clusterDomain}`;
}

/** RFC 1123: at most 63 letters, digits and inner hyphens. */
export function isLabel(text: string): boolean {
  return text.length <= 63 && LABEL.test(text);
}

/** What is wrong with a name that may start in `*`; undefined where nothing is. */
export function wildcardDomainError(domain: string): string | undefined {
  const length = lengthError(domain);
  if (length !== undefined) return length;
  const dot = domain.indexOf(".");
  const first = dot < 0 ? domain : domain.slice(0, dot);
  if (first.length > 63 || !WILDCARD_LABEL.test(first)) return labelError(domain, first);
  return dot < 0 ? undefined : labelsError(domain, domain.slice(dot + 1));
}

/** `*bar.com`: legal as text, but no name that DNS knows. */
export function partialWildcardError(host: string): string | undefined {
  if (!host.includes("*") || host === "*" || host.startsWith("*.")) return undefined;
  return `partial wildcard "${host}" not allowed`;
}

/** What is wrong with a full name without wildcard; undefined where nothing is. */
export function fqdnError(domain: string): string | undefined {
  return lengthError(domain) ?? labelsError(domain, domain);
}

function lengthError(domain: string): string | undefined {
  if (domain === "") return "empty domain name not allowed";
  if (domain.length > 255) return `domain name "${domain}" too long (max 255)`;
  return undefined;
}

function labelsError(domain: string, rest: string): string | undefined {
  const labels = rest.split(".");
  // A last dot makes the name absolute: `istio.io.`
  if (labels.length > 1 && labels.at(-1) === "") labels.pop();
  const top = labels.at(-1) ?? "";
  if (/^\d+$/.test(top)) {
    return `domain name "${domain}" invalid (top level domain "${top}" cannot be all-numeric)`;
  }
  const bad = labels.find((label) => !isLabel(label));
  return bad === undefined ? undefined : labelError(domain, bad);
}

function labelError(domain: string, label: string): string {
  return `domain name "${domain}" invalid (label "${label}" invalid)`;
}

/** True where some name is meant by both; either side may start in `*`. */
export function hostsOverlap(one: string, other: string): boolean {
  const [oneWild, otherWild] = [one.startsWith("*"), other.startsWith("*")];
  if (oneWild && otherWild) return endsIn(one, other) || endsIn(other, one);
  if (oneWild) return endsIn(other, one);
  return otherWild ? endsIn(one, other) : one === other;
}

/** True where every name that `one` means is meant by `other`. */
export function hostIsWithin(one: string, other: string): boolean {
  return other.startsWith("*") ? endsIn(one, other) : one === other;
}

function endsIn(host: string, wildcard: string): boolean {
  return host.endsWith(wildcard.slice(1));
}

/** An IPv4 or IPv6 address. */
export function isAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

function isIpv4(text: string): boolean {
  const octets = text.split(".");
  return octets.length === 4 && octets.every((octet) => /^\d{1,3}$/.test(octet) && +octet <= 255);
}

function isIpv6(text: string): boolean {
  if (!text.includes(":")) return false;
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1) ?? "";
  const mapped = last.includes(".");
  if (mapped && !isIpv4(last)) return false;
  const plain = mapped ? groups.slice(0, -1) : groups;
  const count = plain.length + (mapped ? 2 : 0);
  const complete = halves.length === 2 ? count < 8 : count === 8;
  return complete && plain.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group));
}

/** What is wrong with an address, or a range as `10.0.0.0/8`. */
export function subnetError(text: string): string | undefined {
  if (isSubnet(text)) return undefined;
  return `${text} is not a valid ${text.includes("/") ? "CIDR block" : "IP"}`;
}

function isSubnet(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  if (!isAddress(address) || more.length > 0) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (isIpv4(address) ? 32 : 128);
}
