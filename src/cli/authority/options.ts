import type { Command } from "commander";

/** The options of `outrigger control` that concern its TLS port. */
export function withSecureFlags(command: Command): Command {
  return command
    .option("--secure <address>", "where ADS and the CA listen with TLS")
    .option("--ca-dir <folder>", "the CA's keys and state; made by the first start")
    .option("--ca-certs <folder>", "your own CA: ca-key.pem, ca-cert.pem, …, as Istio")
    .option("--cert-lifetime <duration>", "of certificates; default 24h")
    .option("--root-overlap <duration>", "a new root waits before it signs; default 24h")
    .option("--host-name <name...>", "further names of the TLS port")
    .option("--token-review <url>", "the Kubernetes API that knows service accounts")
    .option("--token-review-files <folder>", "ca.crt and token for it; default: the pod's")
    .option("--federate <td=file...>", "other trust domains' roots: PEM or SPIFFE JSON")
    .option("--audit-log <file>", "who got a certificate, a line each; default stderr");
}

/** `outrigger token` and `outrigger ca …`. Returns the commands below `ca`. */
export function addAuthorityCommands(program: Command): readonly Command[] {
  program
    .command("token")
    .summary("make a join token for a plain machine")
    .argument("<ns/sa>", "NAMESPACE/SERVICEACCOUNT: whose certificate it is good for")
    .requiredOption("--ca-dir <folder>", "that of the control plane")
    .option("--for <duration>", "until it runs out", "1h")
    .action(async (identity: string, options: { caDir: string; for: string }) => {
      const { tokenCommand } = await import("../commands/token.ts");
      tokenCommand(identity, options);
    });
  const ca = program.command("ca").summary("ask the mesh's CA for something");
  ca.command("rotate")
    .summary("make another root, which signs after the overlap")
    .requiredOption("--ca-dir <folder>", "that of the control plane")
    .action(async (options: { caDir: string }) => {
      const { rotateCommand } = await import("../commands/ca.ts");
      rotateCommand(options);
    });
  ca.command("revoke")
    .summary("revoke certificates")
    .argument("<what>", "NAMESPACE/SERVICEACCOUNT, or a serial number")
    .requiredOption("--ca-dir <folder>", "that of the control plane")
    .action(async (what: string, options: { caDir: string }) => {
      const { revokeCommand } = await import("../commands/ca.ts");
      revokeCommand(what, options);
    });
  return ca.commands;
}
