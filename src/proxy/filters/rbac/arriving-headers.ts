import {
  type ConnectionOptions,
  removeHopByHop,
  takeConnectionField,
} from "../../../codec/h1/connection-field.ts";
import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { JwtProvider } from "../../../model/filter/jwt-authn.ts";
import type { HttpConnectionManager } from "../../../model/listener.ts";
import type { MetadataFields } from "../dynamic-metadata.ts";
import { writtenBy } from "../jwt/requirement.ts";
import { claimText } from "../jwt/token/claim-text.ts";
import { removeInternal } from "../request-headers.ts";

const CLIENT_CERTIFICATE = "x-forwarded-client-cert";

/** What sidecars keep for themselves, beside hop-by-hop headers. */
const OURS: readonly string[] = [
  CLIENT_CERTIFICATE,
  "expect",
  "upgrade",
  "x-envoy-peer-metadata",
  "x-envoy-peer-metadata-id",
  "x-outrigger-carried",
];

/** Stands for an id that nobody can know before. */
const SOME_ID = "00000000-0000-4000-8000-000000000000";

/** What a client says, in words. */
export interface SaidRequest {
  readonly headers: readonly (readonly [string, string])[];
  /** Of a token that has been checked; undefined: there is none. */
  readonly claims: MetadataFields | undefined;
  /** The URI in its certificate; undefined: it has none. */
  readonly principal: string | undefined;
}

/** The headers of a request as they are when policies are asked, by the data plane's own code. */
export function arrivingHeaders(
  { claims, headers, principal }: SaidRequest,
  manager: HttpConnectionManager,
): readonly (readonly [string, string])[] {
  const table = new HeaderTable();
  for (const [name, value] of headers) table.addName(name.toLowerCase(), value);
  const options: ConnectionOptions = { close: false, keepAlive: false, upgrade: false };
  takeConnectionField(table, options);
  removeHopByHop(table);
  removeInternal(table);
  const tokens = tokenProviders(manager);
  for (const name of [...OURS, ...tokens.flatMap(writtenBy)]) table.removeName(name);
  if (principal !== undefined) table.addName(CLIENT_CERTIFICATE, `URI=${principal}`);
  for (const token of tokens) writeClaims(table, token, claims);
  if (table.joined("x-forwarded-proto") === undefined) table.addName("x-forwarded-proto", "http");
  if (manager.generateRequestId && table.joined("x-request-id") === undefined) {
    table.addName("x-request-id", SOME_ID);
  }
  return fieldsOf(table);
}

function tokenProviders({ httpFilters }: HttpConnectionManager): readonly JwtProvider[] {
  return httpFilters.flatMap((each) => (each.kind === "jwtAuthn" ? each.authn.providers : []));
}

/** The claims are those of a token that has been checked. */
function writeClaims(
  table: HeaderTable,
  { claimToHeaders, issuer }: JwtProvider,
  claims: MetadataFields | undefined,
): void {
  if (claims === undefined || (issuer !== "" && issuer !== claims.iss)) return;
  for (const { claim, header } of claimToHeaders) {
    const text = claimText(claims, claim);
    // Its bytes are text here, as in all that is asked.
    if (text !== undefined) table.addName(header, Buffer.from(text, "latin1").toString());
  }
}

function fieldsOf(table: HeaderTable): readonly (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = [];
  for (let i = 0; i < table.count; i++) {
    if (!table.removedAt(i)) fields.push([table.name(i), table.value(i)]);
  }
  return fields;
}
