import { spawnSync } from "node:child_process";
import { SIDECAR_UID } from "./rules.ts";

const IDENTITY: readonly string[] = [
  ...["setpriv", "--reuid", String(SIDECAR_UID), "--regid", String(SIDECAR_UID)],
  "--clear-groups",
];

/**
 * How a process becomes the sidecar's user. A checkout or a Node under a home folder of mode 700
 * cannot be read by that user; then, and only then, the sidecar keeps one capability,
 * CAP_DAC_READ_SEARCH, which reads past file permissions and writes nothing.
 */
export class SidecarUser {
  /** True where the capability is needed. */
  readonly mayReadAll: boolean;

  constructor(readable: readonly string[]) {
    this.mayReadAll = !canRead(readable);
  }

  /** `setpriv` and its arguments, to be followed by the sidecar's own. */
  become(): string[] {
    const capability = this.mayReadAll
      ? ["--inh-caps", "-all,+dac_read_search", "--ambient-caps", "-all,+dac_read_search"]
      : ["--inh-caps", "-all", "--ambient-caps", "-all"];
    return [...IDENTITY, ...capability, "--no-new-privs", "--"];
  }
}

function canRead(paths: readonly string[]): boolean {
  const script =
    'for path; do [ -r "$path" ] || exit 1; [ ! -d "$path" ] || [ -x "$path" ] || exit 1; done';
  const [command = "", ...args] = IDENTITY;
  return spawnSync(command, [...args, "sh", "-c", script, "sh", ...paths]).status === 0;
}
