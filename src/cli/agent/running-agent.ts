import { Agent, type HeldCertificate } from "../../agent/agent.ts";
import { type SecretServer, startSecretServer } from "../../agent/sds/secret-server.ts";
import type { RootSource } from "../../agent/trust.ts";
import type { SecretSource } from "../../agent/workload-secrets.ts";
import { systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Say } from "../voice.ts";
import type { AgentSettings } from "./flags.ts";
import { readText, type TextSource } from "./text-source.ts";

/** An agent of this process, and the socket where Envoys ask it. */
export interface RunningAgent {
  readonly secrets: SecretSource;
  readonly registry: Registry;
  /** For a successor. */
  readonly held: HeldCertificate | undefined;
  stop(): Promise<void>;
}

export interface AgentParts {
  readonly settings: AgentSettings;
  readonly env: NodeJS.ProcessEnv;
  /** This process succeeds another: what can be read only once, that one has read. */
  readonly succeeds: boolean;
  /** The predecessor's certificate. */
  readonly held: HeldCertificate | undefined;
  readonly registry: Registry;
  /** There will be no certificate, whatever this process does. */
  readonly onTokenRefused: () => void;
  readonly say: Say;
}

/** Rejects with an Error, a whole sentence, where something cannot be read or listened at. */
export async function startAgent(parts: AgentParts): Promise<RunningAgent> {
  const { settings, registry, say } = parts;
  const { ca, caName, identity, lifetimeMs, socket, socketGroup } = settings;
  const agent = new Agent({
    authority: { address: ca, name: caName },
    roots: rootsOf(parts),
    readToken: tokenOf(parts),
    // A token that was read once will not be another one: whoever started us may have one.
    ...(settings.token.kind === "file" ? {} : { onTokenRefused: parts.onTokenRefused }),
    identity,
    ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
    held: parts.held,
    registry,
    clock: systemClock,
    random: systemRandom,
    onNotice: say,
  });
  let server: SecretServer | undefined;
  if (socket !== undefined) {
    server = await startSecretServer({
      socket: { path: socket, group: socketGroup },
      secrets: agent.secrets,
      registry,
      onNotice: say,
    });
  }
  agent.start();
  return {
    secrets: agent.secrets,
    registry,
    get held(): HeldCertificate | undefined {
      return agent.held;
    },
    stop: async () => {
      agent.stop();
      await server?.stop();
    },
  };
}

function rootsOf({ settings, env, succeeds, held }: AgentParts): RootSource {
  const { root } = settings;
  if (root.kind === "file") return root;
  if (!succeeds) return { kind: "text", pem: readText(root, env) };
  if (held === undefined) throw new Error("the predecessor has left no certificate");
  return { kind: "text", pem: held.roots };
}

/** A file is read anew each time: Kubernetes writes another token into it before one expires. */
function tokenOf({ settings, env, succeeds }: AgentParts): () => string | undefined {
  const { token } = settings;
  if (token.kind === "file") return () => readToken(token, env);
  const once = succeeds ? undefined : readToken(token, env);
  return () => once;
}

function readToken(source: TextSource, env: NodeJS.ProcessEnv): string {
  const token = readText(source, env).trim();
  if (/^[!-~]+$/.test(token)) return token;
  // What stands there may be a secret all the same: it is not shown.
  throw new Error(token === "" ? "the token is empty" : "the token is no text of one line");
}
