import { Registry } from "../../metrics/registry.ts";
import { type SocketAddress, socketAddress } from "../../model/address.ts";
import { type AgentSettings, readAgentFlags } from "../agent/flags.ts";
import type { AgentFlags } from "../agent/options.ts";
import { servePages } from "../agent/pages.ts";
import { startAgent } from "../agent/running-agent.ts";
import { standardError } from "../voice.ts";

const FAILED_STATUS = 1;
const REFUSED_STATUS = 2;

/** Where Istio's sidecars look for their agent. */
export const SOCKET = "/var/run/secrets/workload-spiffe-uds/socket";

/** Keeps a certificate for the Envoys beside it until it is told to end. */
export async function agentCommand(flags: AgentFlags & { readonly http?: string }): Promise<void> {
  const say = standardError();
  const problems: string[] = [];
  const settings = readAgentFlags({ socket: SOCKET, ...flags }, problems);
  const http = flags.http === undefined ? undefined : parseAddress(flags.http);
  if (flags.http !== undefined && http === undefined) {
    problems.push(`--http ${flags.http}: not an address such as 127.0.0.1:15020`);
  }
  for (const problem of problems) say(problem);
  if (settings === undefined || problems.length > 0) process.exit(REFUSED_STATUS);
  try {
    await run(settings, http);
  } catch (error) {
    say((error as Error).message);
    process.exit(FAILED_STATUS);
  }
}

async function run(settings: AgentSettings, http: SocketAddress | undefined): Promise<void> {
  const say = standardError();
  const { env } = process;
  const agent = await startAgent({
    ...{ settings, env, say },
    ...{ succeeds: false, held: undefined },
    registry: new Registry(),
    onTokenRefused: () => process.exit(FAILED_STATUS),
  });
  if (http !== undefined) await servePages(agent, http);
  say(`SDS on ${settings.socket}`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void agent.stop().then(() => process.exit(0)));
  }
}

function parseAddress(text: string): SocketAddress | undefined {
  const [, bracketed, host = bracketed, digits] =
    /^(?:\[([0-9a-fA-F:]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : socketAddress(host, port);
}
