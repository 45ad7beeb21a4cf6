import type { AccessPolicy } from "../../../model/policy/access-policy.ts";
import type { PeerAuthentication } from "../../../model/policy/peer-authentication.ts";
import type { RequestAuthentication } from "../../../model/policy/request-authentication.ts";
import type { MeshSecurity } from "../../../model/policy/security.ts";
import type { DialectContext } from "../../dialect.ts";
import { readAuthorizationPolicy } from "../authorization-policy/authorization-policy.ts";
import { AUTHORIZATION_POLICY } from "../fields/authorization-policy.ts";
import { checkFields } from "../fields/check-fields.ts";
import { PEER_AUTHENTICATION } from "../fields/peer-authentication.ts";
import { REQUEST_AUTHENTICATION } from "../fields/request-authentication.ts";
import { readPeerAuthentication } from "../peer-authentication/peer-authentication.ts";
import { reportSharedScopes } from "../peer-authentication/shared-scopes.ts";
import { readRequestAuthentication } from "../request-authentication/request-authentication.ts";
import type { Spec } from "../spec.ts";

const GROUP = "security.istio.io";
/** One schema. */
const VERSIONS: ReadonlySet<string> = new Set(["v1", "v1beta1"]);

/** What was read of Istio's security API, beside where it was read from, in the objects' order. */
export interface SecurityReadings {
  readonly peerAuthentications: { readonly spec: Spec; readonly policy: PeerAuthentication }[];
  readonly accessPolicies: AccessPolicy[];
  readonly requestAuthentications: RequestAuthentication[];
}

export function newSecurityReadings(): SecurityReadings {
  return { peerAuthentications: [], accessPolicies: [], requestAuthentications: [] };
}

type Reader = (spec: Spec, readings: SecurityReadings, context: DialectContext) => void;

const READERS: Readonly<Record<string, Reader>> = {
  PeerAuthentication: (spec, { peerAuthentications }, { settings }) => {
    // Nothing in it is required: without a spec everything is inherited.
    if (spec.present) checkFields(spec, PEER_AUTHENTICATION);
    const policy = readPeerAuthentication(spec, settings.rootNamespace);
    if (policy !== undefined) peerAuthentications.push({ spec, policy });
  },
  AuthorizationPolicy: (spec, { accessPolicies }, { settings }) => {
    // Without a spec it lets nothing through.
    if (spec.present) checkFields(spec, AUTHORIZATION_POLICY);
    accessPolicies.push(...readAuthorizationPolicy(spec, settings));
  },
  RequestAuthentication: (spec, { requestAuthentications }, { settings }) => {
    // Without a spec it asks for nothing.
    if (spec.present) checkFields(spec, REQUEST_AUTHENTICATION);
    requestAuthentications.push(...readRequestAuthentication(spec, settings.rootNamespace));
  },
};

/** Reads an object of the security API; false where it is none of the kinds that are executed. */
export function addSecurity(
  spec: Spec,
  readings: SecurityReadings,
  context: DialectContext,
): boolean {
  const { group, version, kind } = spec.object;
  const reader = group === GROUP && VERSIONS.has(version) ? READERS[kind] : undefined;
  reader?.(spec, readings, context);
  return reader !== undefined;
}

export function securityOf(readings: SecurityReadings): MeshSecurity {
  return {
    peerAuthentications: readings.peerAuthentications.map(({ policy }) => policy),
    accessPolicies: readings.accessPolicies,
    requestAuthentications: readings.requestAuthentications,
  };
}

/** What policies mean to one another. */
export function reportSecurity(readings: SecurityReadings): void {
  reportSharedScopes(readings.peerAuthentications);
}
