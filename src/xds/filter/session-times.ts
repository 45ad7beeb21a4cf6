import type { JsonObject } from "@bufbuild/protobuf";
import type { Metadata } from "../../gen/envoy/config/core/v3/base_pb.js";
import type { FilterConfigs } from "../../model/filter/filter-configs.ts";
import { type CookieSession, SESSION_BOUNDS } from "../../model/filter/stateful-session.ts";
import type { Place } from "../check/place.ts";
import { readerOf } from "../resilience/struct-reader.ts";

/** The filter metadata of a route that bounds its sessions; Envoy has no field for it. */
export const SESSION_METADATA = "outrigger.session";

type Session = FilterConfigs["session"];

export function encodeSessionTimes(session: Session): { readonly [SESSION_METADATA]?: JsonObject } {
  const cookie = cookieOf(session);
  if (cookie?.idleMs === undefined && cookie?.absoluteMs === undefined) return {};
  const { absoluteMs, idleMs } = cookie;
  const value = {
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(absoluteMs === undefined ? {} : { absoluteMs }),
  };
  return { [SESSION_METADATA]: value };
}

/** The route's session with what its metadata says beside. `place`: of the route. */
export function withSessionTimes(
  session: Session,
  metadata: Metadata | undefined,
  place: Place,
): Session {
  const struct = metadata?.filterMetadata[SESSION_METADATA];
  if (struct === undefined) return session;
  const at = place.field("metadata").field("filter_metadata").field(SESSION_METADATA);
  const reader = readerOf(struct, at);
  const cookie = cookieOf(session);
  if (cookie === undefined) at.refuse("is for sessions in cookies", undefined, "such a session");
  if (reader === undefined || cookie === undefined || session === "disabled") return session;
  const idleMs = reader.wholeIfSaid("idleMs", SESSION_BOUNDS);
  const absoluteMs = reader.wholeIfSaid("absoluteMs", SESSION_BOUNDS);
  reader.end();
  return session && { ...session, state: { ...cookie, ...timesOf(idleMs, absoluteMs) } };
}

function timesOf(
  idleMs: number | undefined,
  absoluteMs: number | undefined,
): Pick<CookieSession, "idleMs" | "absoluteMs"> {
  return {
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(absoluteMs === undefined ? {} : { absoluteMs }),
  };
}

function cookieOf(session: Session): CookieSession | undefined {
  if (session === undefined || session === "disabled") return undefined;
  return session.state?.kind === "cookie" ? session.state : undefined;
}
