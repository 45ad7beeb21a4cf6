import { systemClock } from "../../base/clock.ts";
import { showLive } from "../circuits/live.ts";
import {
  adminPlace,
  meshPlaces,
  type ProxyPlace,
  pictureOf,
  reasonOf,
} from "../circuits/proxies.ts";
import { type Picture, pictureLines } from "../circuits/table.ts";
import { readToken } from "../token-file.ts";

/** What commander has read of `circuits`. */
export interface CircuitsFlags {
  readonly control?: string;
  readonly admin?: readonly string[];
  readonly tokenFile?: string;
  readonly output?: string;
  readonly once?: boolean;
}

const SHOWN = 0;
const UNREACHED = 1;
const REFUSED = 2;
const CONTROL = "http://127.0.0.1:15014";
/** Where nothing says how wide the reader is, nothing is cut. */
const WIDE = 10_000;

/** `outrigger circuits`. Resolves with the exit status. */
export async function circuitsCommand(flags: CircuitsFlags): Promise<number> {
  const problems: string[] = [];
  const find = placesOf(flags, problems);
  if (!["text", "json"].includes(flags.output ?? "text")) {
    problems.push(`-o ${flags.output}: text or json`);
  }
  if (problems.length > 0) return refuse([...problems, "(outrigger circuits --help explains)"]);
  try {
    return await show(flags, async () => pictureOf(await find()));
  } catch (error) {
    return refuse([reasonOf(error)], UNREACHED);
  }
}

async function show(flags: CircuitsFlags, picture: () => Promise<Picture>): Promise<number> {
  const { stdin, stdout } = process;
  const live = flags.once !== true && flags.output !== "json" && stdout.isTTY && stdin.isTTY;
  if (live) {
    const colour = process.env.NO_COLOR === undefined;
    await showLive({ input: stdin, output: stdout, colour, clock: systemClock, picture });
    return SHOWN;
  }
  const seen = await picture();
  const sheet = { columns: stdout.isTTY ? stdout.columns : WIDE, colour: false };
  const text =
    flags.output === "json"
      ? JSON.stringify(seen, undefined, 2)
      : pictureLines(seen, systemClock.wall(), sheet).join("\n");
  stdout.write(`${text}\n`);
  return seen.silent.length === 0 ? SHOWN : UNREACHED;
}

/** Who is asked, as it is found each time anew: pods come and go. */
function placesOf(
  { admin = [], control, tokenFile }: CircuitsFlags,
  problems: string[],
): () => Promise<readonly ProxyPlace[]> {
  if (admin.length > 0 && control !== undefined) problems.push("--admin or --control, not both");
  const token = tokenOf(tokenFile, problems);
  const admins = admin.flatMap((text) => urlOf("--admin", text, problems));
  if (admins.length > 0) {
    const places = admins.map((url) => adminPlace(url, token));
    return () => Promise.resolve(places);
  }
  const text = control ?? process.env.OUTRIGGER_CONSOLE ?? CONTROL;
  const [url] = urlOf("--control", text, problems);
  return () => (url === undefined ? Promise.resolve([]) : meshPlaces(url, token));
}

function tokenOf(file: string | undefined, problems: string[]): string | undefined {
  try {
    return readToken("--token-file", file);
  } catch (error) {
    problems.push((error as Error).message);
    return undefined;
  }
}

function urlOf(flag: string, text: string, problems: string[]): readonly URL[] {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return [url];
  problems.push(`${flag} ${text}: no http: or https: URL`);
  return [];
}

function refuse(problems: readonly string[], status = REFUSED): number {
  for (const problem of problems) process.stderr.write(`outrigger circuits: ${problem}\n`);
  return status;
}
