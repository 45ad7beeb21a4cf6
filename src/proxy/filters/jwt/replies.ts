import type { LocalReply } from "../../reply/local-reply.ts";
import type { RequestHead } from "../../route/request-head.ts";
import { AUDIENCE, type JwtStatus, MISSING } from "./status.ts";

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;

/** So much of a path stands in `www-authenticate` (Envoy: MaximumUriLength). */
const REALM_PATH_MAX = 256;

/** Envoy's answer to a request whose tokens were not good enough (RFC 6750 section 3). */
export function deniedReply(status: JwtStatus, request: RequestHead, strip: boolean): LocalReply {
  const error = status === MISSING ? "" : ', error="invalid_token"';
  const value = `Bearer realm="${realmOf(request)}"${error}`;
  return {
    status: status === AUDIENCE ? FORBIDDEN : UNAUTHORIZED,
    body: strip ? "" : status.text,
    flag: 0,
    details: detailsOf(status.text),
    clusterStatus: 0,
    ...(strip ? {} : { headers: [["www-authenticate", value]] }),
  };
}

/** A route asks for what the filter has never heard of: nobody knows, so nobody passes. */
export function unknownRequirementReply(
  name: string,
  known: readonly string[],
  strip: boolean,
): LocalReply {
  const text = `Wrong requirement_name: ${name}. It should be one of [${known.join(",")}]`;
  return {
    status: FORBIDDEN,
    body: strip ? "" : `Failed JWT authentication: ${text}`,
    flag: 0,
    details: detailsOf(text),
    clusterStatus: 0,
  };
}

function detailsOf(text: string): string {
  return `jwt_authn_access_denied{${text.replaceAll(/\s/g, "_")}}`;
}

/** Quotes would end the realm: they are escaped as in a URL. */
function realmOf(request: RequestHead): string {
  const scheme = request.header("x-forwarded-proto") ?? request.scheme;
  const path = request.path.slice(0, REALM_PATH_MAX);
  return `${scheme}://${request.authority}${path}`.replaceAll('"', "%22").replaceAll("\\", "%5C");
}
