import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";

/**
 * A small shell that outlives us by a moment: it reads from our pipe what has been started, and
 * when the pipe ends, however we ended, it kills what is left and removes our folder. It works
 * wherever there is a POSIX shell. Where there is a /proc it also finds what a program has left
 * running in a group or session of its own, by the mark in its environment.
 */
const SCRIPT = `
trap '' INT TERM HUP QUIT
folder=$1 mark=$2
left=' '
while read -r verb pid; do
  case $verb in
    started) left="$left$pid " ;;
    ended) left="\${left%% "$pid" *} \${left#* "$pid" }" ;;
  esac
done
for pid in $left; do kill -s KILL -- "$pid" 2>/dev/null; done
for turn in 1 2 3; do
  for file in $(grep -lsF "$mark" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    kill -s KILL "\${pid%/environ}" 2>/dev/null
  done
done
[ -z "$folder" ] || rm -rf -- "$folder"
`;

const VARIABLE = "OUTRIGGER_RUN";

export class Reaper {
  readonly #shell: ChildProcess;
  readonly #mark: string = randomUUID();
  readonly #variable: string;

  /**
   * @param folder Removed at the end; empty for none.
   * @param variable Carries the mark, in the environments of programs.
   */
  constructor(folder: string, variable: string = VARIABLE) {
    this.#variable = variable;
    const mark = `${variable}=${this.#mark}`;
    this.#shell = spawn("sh", ["-c", SCRIPT, "outrigger-reaper", folder, mark], {
      stdio: ["pipe", "ignore", "ignore"],
      // A session of its own, so that no signal to our group reaches it.
      detached: true,
      cwd: "/",
    });
    this.#shell.stdin?.on("error", () => {});
    this.#shell.unref();
  }

  /** The environment of a program that shall not outlive us, nor shall what it starts. */
  marked(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { ...env, [this.#variable]: this.#mark };
  }

  /** `pid` negative: a process group. */
  started(pid: number): void {
    this.#shell.stdin?.write(`started ${pid}\n`);
  }

  ended(pid: number): void {
    this.#shell.stdin?.write(`ended ${pid}\n`);
  }

  /** Resolves when everything has been killed and removed. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#shell.exitCode !== null) return resolve();
      this.#shell.once("exit", () => resolve());
      this.#shell.ref();
      this.#shell.stdin?.end();
    });
  }
}
