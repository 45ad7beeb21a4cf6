import type { HashPolicy } from "../../../model/balance/hash-policy.ts";
import type { LoadBalancerSettings } from "../../../model/destination-policy.ts";
import type { Spec } from "../spec.ts";

type Hashing = Pick<
  LoadBalancerSettings,
  "hashPolicies" | "minimumRingSize" | "maglevTableSize"
> & { readonly algorithm?: "ringHash" | "maglev" };

/** ConsistentHashLB; without an algorithm where none is written. */
export function readConsistentHash(hash: Spec): Hashing {
  check(hash);
  const ringSize = hash.at("ringHash").at("minimumRingSize").count();
  const settings = {
    hashPolicies: readPolicies(hash),
    minimumRingSize: ringSize ?? hash.at("minimumRingSize").count(),
    maglevTableSize: hash.at("maglev").at("tableSize").count(),
  };
  if (!hash.present) return settings;
  return { ...settings, algorithm: hash.at("maglev").present ? "maglev" : "ringHash" };
}

const KEYS = ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"];

function readPolicies(hash: Spec): readonly HashPolicy[] {
  const common = { terminal: false } as const;
  const header = hash.at("httpHeaderName").text() ?? "";
  if (header !== "") {
    return [{ ...common, kind: "header", name: header.toLowerCase(), rewrite: undefined }];
  }
  const cookie = hash.at("httpCookie");
  if (cookie.present) return [{ ...common, kind: "cookie", ...readCookie(cookie) }];
  if (hash.at("useSourceIp").flag() === true) return [{ ...common, kind: "sourceIp" }];
  const name = hash.at("httpQueryParameterName").text() ?? "";
  return name === "" ? [] : [{ ...common, kind: "queryParameter", name }];
}

/** Without a ttl the cookie is only read; with one of 0 it lasts as long as the browser. */
function readCookie(cookie: Spec) {
  return {
    name: cookie.at("name").text() ?? "",
    ttlMs: cookie.at("ttl").durationMs(),
    path: cookie.at("path").text() ?? "",
    attributes: cookie
      .at("attributes")
      .items()
      .map((each) => ({
        name: each.at("name").text() ?? "",
        value: each.at("value").text() ?? "",
      })),
  };
}

/** Envoy's limit of a Maglev table. */
const TABLE_SIZE_LIMIT = 5_000_011;

function check(hash: Spec): void {
  const keys = KEYS.filter((name) => hash.at(name).present);
  if (keys.length > 1) hash.refuse(`only one of ${keys.join(", ")} can be set`, KEYS.join(" | "));
  const cookie = hash.at("httpCookie");
  if (cookie.present && cookie.at("name").text() === "") {
    cookie.refuse("name required for HttpCookie");
  }
  const ringSize = hash.at("minimumRingSize");
  const [maglev, ringHash] = [hash.at("maglev"), hash.at("ringHash")];
  if ((ringSize.count() ?? 0) > 0) {
    ringSize.doubt(
      "consistent hash MinimumRingSize is deprecated, " +
        "use ConsistentHashLB's RingHash configuration instead",
    );
    if (maglev.present || ringHash.present) {
      hash.refuse("only one of MinimumRingSize or Maglev/Ringhash can be specified");
    }
  }
  if (maglev.present && ringHash.present) {
    hash.refuse("only one of ringHash, maglev can be set", "ringHash | maglev");
  }
  if (maglev.present) checkTableSize(maglev);
}

function checkTableSize(maglev: Spec): void {
  const size = maglev.at("tableSize").count() ?? 0;
  const node = maglev.at("tableSize");
  if (size === 0) node.refuse("tableSize must be set for maglev");
  else if (size >= TABLE_SIZE_LIMIT) {
    node.refuse(`tableSize must be less than ${TABLE_SIZE_LIMIT} for maglev`);
  } else if (!isPrime(size)) node.refuse("tableSize must be a prime number for maglev");
}

function isPrime(value: number): boolean {
  if (value < 4) return value > 1;
  if (value % 2 === 0) return false;
  for (let factor = 3; factor * factor <= value; factor += 2) {
    if (value % factor === 0) return false;
  }
  return true;
}
