// hot path: no allocation per request
import { sharesPrefix } from "../../../../base/ip-address.ts";
import type { RbacSubject } from "../subject.ts";
import type { RbacMatcher, Side } from "./matcher.ts";
import type { TextTest } from "./text-test.ts";

/** Any client that has shown a certificate. For Envoy TLS is enough; here where a match refuses. */
export class Authenticated implements RbacMatcher {
  readonly #side: Side;

  constructor(side: Side) {
    this.#side = side;
  }

  matches({ peer, secure }: RbacSubject): boolean {
    return peer !== undefined || (secure && this.#side.eager);
  }
}

/**
 * A client by a name in its certificate: URI SANs, DNS SANs, the subject. Who has a SPIFFE ID is
 * let in by nothing but that.
 */
export class PeerName implements RbacMatcher {
  readonly #text: TextTest;
  readonly #side: Side;
  readonly #asksPresence: boolean;

  /** `asksPresence`: any name will do, so that `not` means: no certificate. */
  constructor(text: TextTest, side: Side, asksPresence: boolean) {
    this.#text = text;
    this.#side = side;
    this.#asksPresence = asksPresence;
  }

  matches({ peer, secure }: RbacSubject): boolean {
    if (peer === undefined) return this.#ofNobody(secure);
    if (this.#oneHolds(peer.names.uri)) return true;
    if (peer.identity !== undefined && !this.#side.eager) return false;
    return this.#oneHolds(peer.names.dns) || this.#text.holds(peer.subject);
  }

  /** Envoy asks an empty subject, where there is TLS. */
  #ofNobody(secure: boolean): boolean {
    const { eager, ofUnknown } = this.#side;
    if (ofUnknown && !this.#asksPresence) return true;
    return eager && secure && this.#text.holds("");
  }

  #oneHolds(names: readonly string[]): boolean {
    for (let i = 0; i < names.length; i++) if (this.#text.holds(names[i] as string)) return true;
    return false;
  }
}

/** Whose address. */
export type IpOf = "destinationIp" | "directIp" | "sourceIp" | "remoteIp";

export class IpTest implements RbacMatcher {
  readonly #of: IpOf;
  readonly #prefix: Uint8Array;
  readonly #bits: number;
  readonly #side: Side;

  constructor(of: IpOf, prefix: Uint8Array, bits: number, side: Side) {
    this.#of = of;
    this.#prefix = prefix;
    this.#bits = bits;
    this.#side = side;
  }

  matches(subject: RbacSubject): boolean {
    const ip = subject[this.#of];
    if (ip === undefined) return this.#side.ofUnknown;
    return sharesPrefix(ip, this.#prefix, this.#bits);
  }
}
