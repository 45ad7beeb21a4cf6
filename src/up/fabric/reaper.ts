import { type ChildProcess, spawn } from "node:child_process";

/**
 * A small shell that outlives us by a moment: it reads from our pipe what has been started, and
 * when the pipe ends, however we ended, it kills what is left and removes our folder. It works
 * wherever there is a POSIX shell.
 */
const SCRIPT = `
trap '' INT TERM HUP QUIT
folder=$1
left=' '
while read -r verb pid; do
  case $verb in
    started) left="$left$pid " ;;
    ended) left="\${left%% "$pid" *} \${left#* "$pid" }" ;;
  esac
done
for pid in $left; do kill -s KILL -- "$pid" 2>/dev/null; done
[ -z "$folder" ] || rm -rf -- "$folder"
`;

export class Reaper {
  readonly #shell: ChildProcess;

  /** `folder` is removed at the end. */
  constructor(folder: string) {
    this.#shell = spawn("sh", ["-c", SCRIPT, "outrigger-reaper", folder], {
      stdio: ["pipe", "ignore", "ignore"],
      // A session of its own, so that no signal to our group reaches it.
      detached: true,
      cwd: "/",
    });
    this.#shell.stdin?.on("error", () => {});
    this.#shell.unref();
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
