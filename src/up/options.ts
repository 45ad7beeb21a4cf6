import type { ReadStream, WriteStream } from "node:tty";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Labels } from "../model/mesh.ts";
import type { Mode } from "./fabric/choose.ts";

/** Exit statuses of `outrigger up`, besides COMMAND's own. */
export const EXIT = {
  ok: 0,
  /** The mesh could not be brought up. */
  failed: 1,
  /** The command line or the configuration has errors; nothing was started. */
  refused: 2,
} as const;

export interface UpOptions {
  /** Files and folders of YAML. */
  readonly paths: readonly string[];
  /** Ends by itself after this long; undefined: when told to. */
  readonly forMs: number | undefined;
  /** Whose client COMMAND is. */
  readonly as: { readonly namespace: string; readonly serviceAccount: string };
  /** COMMAND runs without a sidecar, outside every pod. */
  readonly outside: boolean;
  readonly mode: Mode;
  /** Where the mesh's authority keeps its keys; undefined: with this run alone. */
  readonly caDir: string | undefined;
  /** Empty: none. */
  readonly command: readonly string[];
  /** Image to command. */
  readonly commands: Labels;
  /** Show what the containers' commands print. */
  readonly logs: boolean;
  /** Program and arguments that run a sidecar whose bootstrap comes on standard input. */
  readonly proxyCommand: readonly string[];
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  /** The command line that started this program, to start it anew in a user namespace. */
  readonly commandLine: readonly string[];
  /** In a user namespace without a network: the Unix socket that leads outside. */
  readonly door: string | undefined;
  /** Where compiled code is kept between runs; made when it is missing. */
  readonly compileCache: string;
  /** For explicit mode's sockets, as `/tmp`. */
  readonly temporary: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signals: SignalSource;
}

export interface Terminal {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
  readonly stderr: WriteStream;
  /** False where NO_COLOR asks for none. */
  readonly mayColour: boolean;
}

/** Signals sent to this process. Returns the function that ends the listening. */
export type SignalSource = (listener: (name: NodeJS.Signals) => void) => () => void;
