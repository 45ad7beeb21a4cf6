import type { Command } from "commander";

/** As they stand on the command line. */
export interface AgentFlags {
  readonly ca?: string;
  readonly caName?: string;
  readonly root?: string;
  readonly token?: string;
  readonly identity?: string;
  readonly trustDomain?: string;
  readonly lifetime?: string;
  readonly socket?: string;
  readonly socketGroup?: string;
}

export const TRUST_DOMAIN = "cluster.local";

/** The flags that `agent` and `proxy` have in common. */
export function withAgentFlags(command: Command): Command {
  return command
    .option("--ca <host:port>", "the certificate authority, as istiod:15012")
    .option("--ca-name <name>", "what its certificate is for, where not its host")
    .option("--root <file>", "who may vouch for it: PEM; or fd:N")
    .option("--token <file>", "what to show it; or fd:N, env:NAME, - (standard input)")
    .option("--identity <ns/sa>", "whose certificate is expected; or a SPIFFE ID")
    .option("--trust-domain <name>", "of --identity", TRUST_DOMAIN)
    .option("--lifetime <duration>", "of certificates, as 24h")
    .option("--socket <path>", "give Envoys secrets over SDS on this Unix socket")
    .option("--socket-group <id>", "let this group connect to it as well");
}
