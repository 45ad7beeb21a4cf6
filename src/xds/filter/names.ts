import type { HttpFilter } from "../../model/listener.ts";

/** The names under which filters are encoded: Envoy's own, where it is Envoy's filter. */
export const FILTER_NAMES: Readonly<Record<HttpFilter["kind"], string>> = {
  cors: "envoy.filters.http.cors",
  extAuthz: "envoy.filters.http.ext_authz",
  fault: "envoy.filters.http.fault",
  grpcWeb: "envoy.filters.http.grpc_web",
  jwtAuthn: "envoy.filters.http.jwt_authn",
  localRateLimit: "envoy.filters.http.local_ratelimit",
  rbac: "envoy.filters.http.rbac",
  router: "envoy.filters.http.router",
  statefulSession: "envoy.filters.http.stateful_session",
  telemetry: "outrigger.telemetry",
};
