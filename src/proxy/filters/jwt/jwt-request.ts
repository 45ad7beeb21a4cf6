import type { ExchangeParts } from "../../exchange-source.ts";
import type { RequestHead } from "../../route/request-head.ts";
import type { MetadataFields, MetadataValue } from "../dynamic-metadata.ts";
import type { CompiledProvider } from "./compiled-provider.ts";
import type { JwtStatus } from "./status.ts";
import { claimText } from "./token/claim-text.ts";
import type { Token } from "./token/token.ts";
import { type FoundToken, removeToken } from "./token/token-places.ts";

/** Envoy's name of the filter, under which it leaves metadata. */
const METADATA = "envoy.filters.http.jwt_authn";

/** What tokens do to the request that brought them. */
export class JwtRequest {
  readonly head: RequestHead;
  readonly #exchange: ExchangeParts;
  readonly #metadata: [key: string, value: MetadataValue][] = [];
  #routeChanges = false;

  constructor(exchange: ExchangeParts) {
    this.#exchange = exchange;
    this.head = exchange.request;
  }

  /** Clients do not say what only a token may say. */
  sanitize(names: readonly string[]): void {
    for (const name of names) this.head.headers.removeName(name);
  }

  /** A token is good: its claims go where the provider wants them (Envoy: handleGoodJwt). */
  accept(found: FoundToken, token: Token, { config }: CompiledProvider): void {
    const { headers } = this.head;
    const { forwardPayloadHeader, headerInMetadata, payloadInMetadata } = config;
    if (forwardPayloadHeader !== "") {
      const padding = config.padForwardPayloadHeader ? -token.payloadText.length & 3 : 0;
      headers.addName(forwardPayloadHeader, token.payloadText + "=".repeat(padding));
    }
    let told = payloadInMetadata !== "";
    for (const { claim, header } of config.claimToHeaders) {
      const text = claimText(token.payload, claim);
      if (text === undefined) continue;
      headers.addName(header, text);
      told = true;
    }
    if (config.clearRouteCache && told) this.#routeChanges = true;
    if (!config.forward) removeToken(found.place, this.head);
    if (headerInMetadata !== "") this.#metadata.push([headerInMetadata, token.header]);
    if (payloadInMetadata !== "") {
      const payload = withWords(token.payload, config.spaceDelimitedClaims);
      this.#metadata.push([payloadInMetadata, payload]);
    }
  }

  /** A token is not: filters behind may be told why. */
  noteFailure({ code, text }: JwtStatus, key: string): void {
    if (key !== "") this.#metadata.push([key, { code, message: text }]);
  }

  /** All has been looked at: what is known becomes metadata, and may change the route. */
  finish(): void {
    const { down, metadata, request, routing } = this.#exchange;
    if (this.#metadata.length > 0) metadata.set(METADATA, Object.fromEntries(this.#metadata));
    if (this.#routeChanges) routing.find(request, down.hcm);
  }
}

/** Claims that are lists of words, as `scope`, become lists (Envoy: NormalizePayload). */
function withWords(payload: MetadataFields, claims: readonly string[]): MetadataFields {
  const words = claims.flatMap((claim): [string, readonly string[]][] => {
    const value = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
    if (typeof value !== "string") return [];
    return [[claim, value.split(" ").filter((word) => word !== "")]];
  });
  return words.length === 0 ? payload : Object.fromEntries([...Object.entries(payload), ...words]);
}
