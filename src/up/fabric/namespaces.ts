import { type ChildProcess, spawn } from "node:child_process";

/**
 * Anonymous network, mount, process and host name namespaces, held by a process and by nothing
 * else: when it goes, the kernel takes all that was in them. It goes in three ways: `close()`;
 * its shell reads the end of its input, which is our pipe; and the parent-death signal, should
 * this process be killed.
 */
export class Namespaces {
  /** The pid, seen from here, of process 1 inside. */
  readonly pid: number;
  readonly #holder: ChildProcess;
  readonly #output: Output;
  #steps = 0;

  private constructor(pid: number, holder: ChildProcess, output: Output) {
    this.pid = pid;
    this.#holder = holder;
    this.#output = output;
  }

  static async open(): Promise<Namespaces> {
    const holder = spawn(
      "setpriv",
      ["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--uts", "--fork"].concat([
        "--kill-child",
        "sh",
        "-e",
      ]),
      // A session of its own: Ctrl-C in the terminal is ours to act on, not the pods'.
      { stdio: ["pipe", "pipe", "pipe"], detached: true },
    );
    const output = new Output(holder);
    // The host's /proc still stands here: it names this shell as the host sees it.
    holder.stdin?.write('read -r pid rest </proc/self/stat; echo "pid $pid"\n');
    const pid = Number((await output.line("pid ")).slice(4));
    const namespaces = new Namespaces(pid, holder, output);
    await namespaces.run("mount -t proc proc /proc\nip link set lo up\n");
    return namespaces;
  }

  /** Runs a piece of shell inside as process 1; rejects with its words when a command fails. */
  async run(script: string): Promise<void> {
    const marker = `step ${++this.#steps} done`;
    this.#holder.stdin?.write(`${script}\necho "${marker}"\n`);
    await this.#output.line(marker);
  }

  /** `nsenter` and its arguments, to be followed by a program. */
  enter(): string[] {
    return ["nsenter", "--target", String(this.pid), "--net", "--mount", "--pid", "--uts", "--"];
  }

  close(): void {
    this.#holder.kill("SIGKILL");
  }
}

/** What the shell inside prints, by lines, and what it says when it ends before its time. */
class Output {
  #stdout = "";
  #stderr = "";
  #ended = false;
  #waiting: { prefix: string; resolve: (line: string) => void; reject: (e: Error) => void }[] = [];

  constructor(holder: ChildProcess) {
    holder.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#settle();
    });
    holder.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4096);
    });
    // Writing to a shell that has failed already is answered by its own words, at "close".
    holder.stdin?.on("error", () => {});
    holder.on("error", (error) => {
      this.#stderr += error.message;
      this.#end();
    });
    holder.on("close", () => this.#end());
  }

  line(prefix: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ prefix, resolve, reject });
      this.#settle();
    });
  }

  #settle(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      if (this.#ended) {
        this.#waiting.shift();
        next.reject(new Error(this.#stderr.trim() || "the namespace's first process has ended"));
        continue;
      }
      const end = this.#stdout.indexOf("\n");
      if (end < 0) return;
      const line = this.#stdout.slice(0, end);
      this.#stdout = this.#stdout.slice(end + 1);
      if (!line.startsWith(next.prefix)) continue;
      this.#waiting.shift();
      next.resolve(line);
    }
  }

  #end(): void {
    this.#ended = true;
    this.#settle();
  }
}
