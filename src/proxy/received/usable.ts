import { Refusals } from "../../base/refusals.ts";
import { formatAddress } from "../../model/address.ts";
import { type Cluster, tlsContextsOf } from "../../model/cluster.ts";
import type { ClusterLoadAssignment } from "../../model/endpoint.ts";
import type { FilterChain, Listener } from "../../model/listener.ts";
import type { Secret } from "../../model/transport/secret.ts";
import type { DataSource, TlsCertificate, TlsContext } from "../../model/transport/tls.ts";
import type { ResourceType } from "../../xds/order.ts";
import { isLoopback, type OwnPort } from "../cluster/own-port.ts";
import { checkValidation, readPair } from "../tls/material.ts";

/**
 * Why resources cannot be used that are well-formed in themselves, so that the control plane hears
 * of it in its NACK: certificates without their keys, and endpoints that are this proxy's own admin
 * server. What lies in files is judged when it is read.
 */
export function whyUnusable(
  type: ResourceType,
  models: ReadonlyMap<string, unknown>,
  own: OwnPort | undefined,
): string {
  const refusals = new Refusals();
  for (const [name, model] of models) {
    if (type === "listener") checkListener(name, model as Listener, refusals);
    else if (type === "cluster") checkCluster(name, model as Cluster, own, refusals);
    else if (type === "endpoint")
      checkAssignment(name, model as ClusterLoadAssignment, own, refusals);
    else if (type === "secret") checkSecret(name, model as Secret, refusals);
  }
  return refusals.text;
}

function checkListener(name: string, listener: Listener, refusals: Refusals): void {
  const chains: readonly (FilterChain | undefined)[] = [
    ...listener.filterChains,
    listener.defaultFilterChain,
  ];
  for (const chain of chains) checkTls(`listener ${name}`, chain?.tls, refusals);
}

function checkCluster(
  name: string,
  cluster: Cluster,
  own: OwnPort | undefined,
  refusals: Refusals,
): void {
  for (const tls of tlsContextsOf(cluster)) checkTls(`cluster ${name}`, tls, refusals);
  if (own?.except.has(name) === true || cluster.loadAssignment === undefined) return;
  checkAssignment(name, cluster.loadAssignment, own, refusals);
}

function checkAssignment(
  name: string,
  assignment: ClusterLoadAssignment,
  own: OwnPort | undefined,
  refusals: Refusals,
): void {
  for (const { endpoints } of assignment.localities) {
    for (const { address } of endpoints) {
      if (address.kind !== "socket" || address.port !== own?.port || !isLoopback(address)) continue;
      refusals.add(`${name}: ${formatAddress(address)} is this proxy's own admin server`);
    }
  }
}

function checkTls(where: string, tls: TlsContext | undefined, refusals: Refusals): void {
  for (const [i, certificate] of (tls?.certificates ?? []).entries()) {
    checkCertificate(`${where}: tls_certificates[${i}]`, certificate, refusals);
  }
}

function checkSecret(name: string, secret: Secret, refusals: Refusals): void {
  if (secret.kind === "validation") {
    checkValidation(`secret ${name}: validation_context`, secret.validation, inPlace, refusals);
  } else checkCertificate(`secret ${name}: tls_certificate`, secret.certificate, refusals);
}

function checkCertificate(where: string, certificate: TlsCertificate, refusals: Refusals): void {
  const { certificateChain, privateKey } = certificate;
  if (certificateChain.kind === "file" || privateKey.kind === "file") return;
  readPair(certificate, where, (source) => inPlace(source) ?? Buffer.alloc(0), refusals);
}

/** Undefined for a file. */
function inPlace(source: DataSource): Buffer | undefined {
  return source.kind === "inline" ? Buffer.from(source.text) : undefined;
}
