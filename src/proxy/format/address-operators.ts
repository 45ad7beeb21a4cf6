import type { Operator } from "./operators.ts";
import type { FormatSource } from "./source.ts";

type Ask = (source: FormatSource) => string;

const LOCAL: Ask = (source) => source.downstreamLocalAddress();
const REMOTE: Ask = (source) => source.downstreamRemoteAddress();
const DIRECT_REMOTE: Ask = (source) => source.downstreamDirectRemoteAddress();
const UPSTREAM: Ask = (source) => source.upstreamRemoteAddress();
const UPSTREAM_LOCAL: Ask = (source) => source.upstreamLocalAddress();
const HOST_NAME: Ask = (source) => source.upstreamHostName();

/** Each address whole, without its port, and its port alone. */
export const ADDRESS_OPERATORS: Readonly<Record<string, Operator>> = {
  ...threeOf("DOWNSTREAM_LOCAL", LOCAL),
  // What a PROXY protocol header or an interception says is the local address already.
  ...threeOf("DOWNSTREAM_DIRECT_LOCAL", LOCAL),
  ...threeOf("DOWNSTREAM_REMOTE", REMOTE),
  ...threeOf("DOWNSTREAM_DIRECT_REMOTE", DIRECT_REMOTE),
  ...threeOf("UPSTREAM_LOCAL", UPSTREAM_LOCAL),
  ...threeOf("UPSTREAM_REMOTE", UPSTREAM),
  UPSTREAM_HOST: (source) => source.upstreamHost(),
  UPSTREAM_HOST_NAME: HOST_NAME,
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (source) => hostOf(HOST_NAME(source)),
};

function threeOf(name: string, ask: Ask): Readonly<Record<string, Operator>> {
  return {
    [`${name}_ADDRESS`]: ask,
    [`${name}_ADDRESS_WITHOUT_PORT`]: (source) => hostOf(ask(source)),
    [`${name}_PORT`]: (source) => portOf(ask(source)),
  };
}

/** A name that is no address has no port, and stays as it is. */
export function hostOf(address: string): string {
  const colon = address.lastIndexOf(":");
  return colon < 0 ? address : address.slice(0, colon).replaceAll(/[[\]]/g, "");
}

function portOf(address: string): number | undefined {
  const colon = address.lastIndexOf(":");
  return colon < 0 ? undefined : Number(address.slice(colon + 1));
}
