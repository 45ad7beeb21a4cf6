#!/usr/bin/env node
/** The `outrigger` program. Each command loads what it needs, and nothing before it is chosen. */
import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";
import { Command, CommanderError } from "commander";
import { withAgentFlags } from "./agent/options.ts";
import { addAuthorityCommands, withSecureFlags } from "./authority/options.ts";
import type { ControlFlags } from "./commands/control.ts";
import type { ProxyArguments } from "./commands/proxy.ts";
import { compileCacheFolder } from "./compile-cache.ts";

const USAGE_STATUS = 2;
const AWAKE_MS = 3_600_000;

// A request leaves next to nothing behind: a young generation that grew with the garbage of the
// start would only be 30 MiB of resident memory, in every pod. Flags come before the cache of
// compiled code, which holds for one set of them.
if (process.argv[2] === "proxy" && process.execArgv.length === 0) {
  setFlagsFromString("--semi-space-growth-factor=1");
}
if (process.env.NODE_COMPILE_CACHE === undefined) {
  enableCompileCache(compileCacheFolder(process.env));
}

// Whoever reads our output may have read enough, as `head` has.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

/** What stands behind `--` is COMMAND's, and none of ours to read. */
const separator = process.argv.indexOf("--");
const ownArguments = separator < 0 ? process.argv : process.argv.slice(0, separator);
const commandWords = separator < 0 ? undefined : process.argv.slice(separator + 1);

const program = new Command("outrigger")
  .description("A service mesh on one command: your Kubernetes YAML, real sidecars, real traffic.")
  .version(packageVersion(), "-V, --version", "print the version")
  .helpOption("-h, --help", "print this help")
  .helpCommand(false)
  .enablePositionalOptions()
  .showHelpAfterError("(outrigger --help lists the commands)")
  .exitOverride();

program
  .command("up")
  .summary("bring a mesh up on this machine")
  .usage("[options] PATH... [-- COMMAND...]")
  .argument("[paths...]", "files and folders of YAML; after --, the command to run")
  .option("--for <duration>", "end by itself after this long, as 20s or 1h30m")
  .option("--as <namespace/serviceaccount>", "whose client COMMAND is", "default/default")
  .option("--outside", "run COMMAND outside the mesh, without a sidecar")
  .option("--mode <mode>", "auto, intercept (network namespaces) or explicit (loopback)", "auto")
  .option("--ca-dir <folder>", "keep the mesh's certificate authority here, for other runs")
  .option("--config <file>", "an UpConfig: which command stands for which image")
  .option("--concurrency <workers>", "worker threads of each sidecar; 0: one a core", "1")
  .option("--logs", "show what the containers' commands print, on standard error")
  .addHelpText("after", upHelp())
  .action(async (paths: string[], options: object) => {
    const { upCommand } = await import("./commands/up.ts");
    // The clock's timers keep no process alive, and while a mesh runs there may be nothing else.
    setInterval(() => {}, AWAKE_MS);
    process.exit(await upCommand(paths, commandWords, options));
  });

withAgentFlags(
  program
    .command("proxy")
    .summary("run the data plane on an Envoy bootstrap")
    .requiredOption(
      "-c, --config-path <file>",
      "the bootstrap, YAML or JSON; - reads standard input",
    )
    .option("--concurrency <workers>", "worker threads that serve; 0: one a core", "1")
    .option("--drain-time-s <seconds>", "after SIGTERM: what is open then is cut", "25")
    .option("--min-drain-time-s <seconds>", "after SIGTERM: connections are accepted on", "5")
    .option("--admin-token-file <file>", "lets other machines at the admin server, by this token"),
)
  .addHelpText(
    "after",
    "\nWith --ca it keeps a certificate, as outrigger agent does, and uses it.\n",
  )
  .action(async (options: ProxyArguments) => {
    const { proxyCommand } = await import("./commands/proxy.ts");
    await proxyCommand(options, packageVersion());
  });

withAgentFlags(
  program.command("agent").summary("keep a workload's certificate, for Envoy and plain machines"),
)
  .option("--http <address>", "where /metrics and /healthz/ready are served")
  .action(async (options: object) => {
    const { agentCommand } = await import("./commands/agent.ts");
    setInterval(() => {}, AWAKE_MS);
    await agentCommand(options);
  });

withSecureFlags(
  program
    .command("control")
    .summary("run the control plane alone, over ADS")
    .argument("<paths...>", "files and folders of YAML")
    .option("--ads <address>", "where ADS listens in plaintext, or none", "127.0.0.1:15010")
    .option("--http <address>", "where the API and http_sd listen", "127.0.0.1:15014")
    .option("--http-token-file <file>", "lets other machines at --http, by this token")
    .option("--jwks-allow <blocks>", "fetch keys of tokens from these addresses too: 10.1.0.0/16,…")
    .option("--jwks-http", "fetch keys of tokens over http: as well"),
).action(async (paths: string[], options: ControlFlags) => {
  const { controlCommand } = await import("./commands/control.ts");
  await controlCommand(paths, options);
});
const authority = addAuthorityCommands(program);

const several = (value: string, before: readonly string[] = []): string[] => [...before, value];
const authz = program
  .command("authz")
  .summary("ask what policies decide, without sending anything");
authz
  .command("check")
  .summary("may this caller do that there?")
  .usage("[options] PATH... METHOD PATH")
  .argument("[words...]", "files and folders of YAML; then what is asked: GET /reviews/1")
  .requiredOption("--from <namespace/serviceaccount>", "who asks; or outside; several by commas")
  .requiredOption("--to <service[:port]>", "whom; without a port, each of its ports")
  .option("-H, --header <name:value>", "of the request; may be repeated", several)
  .option("--jwt-claim <name=value>", "of a checked token; repeated: a list", several)
  .option("--source-ip <address>", "the caller's address")
  .option("--remote-ip <address>", "the client's, by x-forwarded-for")
  .option("--sni <name>", "what the client calls the server in its TLS handshake")
  .option("--tcp", "ask about a connection, without METHOD PATH")
  .option("--control <url>", "ask about the mesh of a running control plane, without files")
  .option("--token-file <file>", "what that control plane knows its clients by")
  .option("-o, --output <format>", "text or json", "text")
  .addHelpText("after", authzHelp())
  .action(async (words: string[], options: object) => {
    const { authzCheckCommand } = await import("./commands/authz.ts");
    process.exitCode = await authzCheckCommand(words, options);
  });

program
  .command("explain")
  .summary("which route, which cluster and which policy a request meets")
  .usage("[options] PATH... METHOD PATH")
  .argument("[words...]", "files and folders of YAML; then what is asked: GET /reviews/1")
  .requiredOption("--from <namespace/serviceaccount>", "who asks; or outside; several by commas")
  .requiredOption("--to <host[:port]>", "the host and port in the client's URL")
  .option("-H, --header <name:value>", "of the request; may be repeated", several)
  .option("--jwt-claim <name=value>", "of a checked token; repeated: a list", several)
  .option("--source-ip <address>", "the caller's address")
  .option("--control <url>", "ask about the mesh of a running control plane, without files")
  .option("--token-file <file>", "what that control plane knows its clients by")
  .option("-o, --output <format>", "text or json", "text")
  .addHelpText("after", explainHelp())
  .action(async (words: string[], options: object) => {
    const { explainCommand } = await import("./commands/explain.ts");
    process.exitCode = await explainCommand(words, options);
  });

program
  .command("check")
  .summary("find what is wrong in configuration, and what is legal and not meant")
  .argument("<paths...>", "files and folders of YAML")
  .option("--strict", "warnings are a failure as well")
  .option("--envoy", "sidecars are real Envoys: say what they leave out")
  .option("-o, --output <format>", "text or json", "text")
  .addHelpText("after", checkHelp())
  .action(async (paths: string[], options: object) => {
    const { checkCommand } = await import("./commands/check.ts");
    process.exitCode = await checkCommand(paths, options);
  });

program
  .command("circuits")
  .summary("which circuits are open, and what else the sidecars hold back")
  .option("--control <url>", "the control plane that knows the sidecars")
  .option("--admin <url>", "ask this proxy's admin server instead; may be repeated", several)
  .option("--token-file <file>", "what the asked server knows its clients by")
  .option("--once", "print once, also in a terminal")
  .option("-o, --output <format>", "text or json", "text")
  .addHelpText("after", circuitsHelp())
  .action(async (options: object) => {
    const { circuitsCommand } = await import("./commands/circuits.ts");
    process.exitCode = await circuitsCommand(options);
  });

for (const command of [...program.commands, ...authz.commands, ...authority]) {
  command.exitOverride();
}

try {
  if (process.argv.length < 3) program.outputHelp({ error: true });
  if (process.argv.length < 3) process.exitCode = USAGE_STATUS;
  else await program.parseAsync(ownArguments);
} catch (error) {
  if (!(error instanceof CommanderError)) {
    for (const line of (error as Error).message.split("\n")) {
      process.stderr.write(`outrigger: ${line}\n`);
    }
    process.exit(1);
  }
  process.exitCode = error.exitCode === 0 ? 0 : USAGE_STATUS;
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version: unknown }).version);
}

function upHelp(): string {
  return `
Reads every YAML document under the paths, runs each pod as processes with a
sidecar, and then COMMAND as a client in the mesh; without COMMAND it shows a
live table until q or Ctrl-C.

  outrigger up samples/bookstore
  outrigger up deploy/ policies/ -- curl http://reviews:9080/reviews/1
  outrigger up deploy/ --for 20s

A container runs the command that its pod's annotation
outrigger.dev/command.<container> gives; without one, a stand-in answers on its
ports.

COMMAND's environment has OUTRIGGER_CONSOLE, the control plane's HTTP server,
and OUTRIGGER_SD, targets for Prometheus' http_sd.

Exit status:
  COMMAND's own, 128+n where signal n ended it, 126 or 127 where it cannot be
  run; else
  0   ended by --for, q or Ctrl-C
  1   the mesh could not be brought up
  2   errors in the command line or in the configuration: all are printed,
      nothing is started
  130 interrupted before the mesh was up`;
}

function explainHelp(): string {
  return `
Sends nothing: tells which route of which file the request takes, which clusters
with which share, and what the policies of their pods say of it.

  outrigger explain deploy/ --from shop/web --to reviews:9080 GET /reviews/1

Exit status:
  0   it could be told, whatever the policies decide
  2   errors in the command line or in the configuration`;
}

function checkHelp(): string {
  return `
Reads as the control plane does, and runs nothing. Each finding has its place, a
code, the reason and what to do; docs/check.md lists the codes.

  outrigger check deploy/
  outrigger check --strict -o json deploy/ policies/

Exit status:
  0   no errors
  1   warnings, with --strict
  2   errors, in the command line or in the configuration`;
}

function circuitsHelp(): string {
  return `
Redraws once a second in a terminal, until q or Ctrl-C; elsewhere it prints once.
Without --control it asks what OUTRIGGER_CONSOLE names, else localhost:15014.

Exit status:
  0   every proxy has answered
  1   some proxy, or the control plane, has not
  2   errors in the command line`;
}

function authzHelp(): string {
  return `
Decides as the sidecars of the service's pods would, by the same code, and says
which line of which policy it was, and why the others were not.

  outrigger authz check deploy/ --from shop/web --to reviews:9080 GET /reviews/1
  outrigger authz check deploy/ --from outside --to db.shop --tcp
  outrigger authz check --control http://localhost:15014 --from shop/web \\
    --to reviews GET /admin --jwt-claim groups=admins -o json

Exit status:
  0   everything asked is allowed
  1   something is denied
  2   errors in the command line or in the configuration`;
}
