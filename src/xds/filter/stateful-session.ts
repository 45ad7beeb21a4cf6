import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type StatefulSessionPerRoute as PerRouteMessage,
  type StatefulSession as SessionMessage,
  StatefulSessionPerRouteSchema,
  StatefulSessionSchema,
} from "../../gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js";
import { CookieBasedSessionStateSchema } from "../../gen/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.js";
import { HeaderBasedSessionStateSchema } from "../../gen/envoy/extensions/http/stateful_session/header/v3/header_pb.js";
import type {
  SessionOverride,
  SessionState,
  StatefulSession,
} from "../../model/filter/stateful-session.ts";
import type { Place } from "../check/place.ts";
import { pack, unpack } from "../message/any.ts";
import { durationMs, toDuration } from "../message/scalar.ts";

/** filters.http.stateful_session.v3.StatefulSession. */
export function decodeSession(message: SessionMessage, place: Place): StatefulSession {
  const { sessionState, strict } = message;
  if (sessionState === undefined) return { kind: "statefulSession", state: undefined, strict };
  const at = place.field("session_state").field("typed_config");
  return { kind: "statefulSession", state: decodeState(sessionState.typedConfig, at), strict };
}

function decodeState(any: Any | undefined, place: Place): SessionState | undefined {
  const cookie = unpack(any, CookieBasedSessionStateSchema)?.cookie;
  if (cookie !== undefined) {
    const { name, path, ttl } = cookie;
    return { kind: "cookie", name, path, ttlMs: durationMs(ttl) };
  }
  const header = unpack(any, HeaderBasedSessionStateSchema);
  if (header !== undefined) return { kind: "header", name: header.name.toLowerCase() };
  place.refuse("is no state of a session that is executed", any?.typeUrl);
  return undefined;
}

export function encodeSession({ state, strict }: StatefulSession): SessionMessage {
  const init: MessageInitShape<typeof StatefulSessionSchema> = { strict };
  if (state !== undefined) {
    const name = `envoy.http.stateful_session.${state.kind}`;
    init.sessionState = { name, typedConfig: encodeState(state) };
  }
  return create(StatefulSessionSchema, init);
}

function encodeState(state: SessionState): Any {
  if (state.kind === "header") {
    const message = create(HeaderBasedSessionStateSchema, { name: state.name });
    return pack(HeaderBasedSessionStateSchema, message);
  }
  const { name, path, ttlMs } = state;
  const cookie = { name, path, ttl: toDuration(ttlMs) };
  const message = create(CookieBasedSessionStateSchema, { cookie });
  return pack(CookieBasedSessionStateSchema, message);
}

/** filters.http.stateful_session.v3.StatefulSessionPerRoute. */
export function decodeSessionOverride(
  { override }: PerRouteMessage,
  place: Place,
): SessionOverride {
  if (override.case !== "statefulSession") return "disabled";
  return decodeSession(override.value, place.field("stateful_session"));
}

export function encodeSessionOverride(session: SessionOverride): PerRouteMessage {
  const override =
    session === "disabled"
      ? ({ case: "disabled", value: true } as const)
      : ({ case: "statefulSession", value: encodeSession(session) } as const);
  return create(StatefulSessionPerRouteSchema, { override });
}
